package endpoint

import "sync/atomic"

// sourceKey names a source of a pool by its module and its place in the definition.
type sourceKey struct {
	name     string
	position int
}

// SourceCounts counts the answers of a source, from when the pool has it on. A reload does not
// reset it.
type SourceCounts struct {
	// Lists, Partial and Errors are the answers with a whole list, with a part of one, and with an
	// error. An incomplete list with an error counts as both.
	Lists, Partial, Errors atomic.Uint64

	// Held is the number of losses that were held back until they were confirmed.
	Held atomic.Uint64
}

// SourceCounts returns the counts of a source of the pool.
func (p *Pool) SourceCounts(name string, position int) *SourceCounts {
	t := &p.traffic
	t.mu.Lock()
	defer t.mu.Unlock()
	key := sourceKey{name, position}
	if t.sources[key] == nil {
		if t.sources == nil {
			t.sources = make(map[sourceKey]*SourceCounts)
		}
		t.sources[key] = new(SourceCounts)
	}
	return t.sources[key]
}

// SourceCounts returns the counts of a source of the roster's pool.
func (r *Roster) SourceCounts(name string, position int) *SourceCounts {
	return r.pool.SourceCounts(name, position)
}
