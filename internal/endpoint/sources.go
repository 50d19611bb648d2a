package endpoint

import (
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// SourceState says what the list of a source is worth.
type SourceState string

const (
	// SourceWaiting has no list yet.
	SourceWaiting SourceState = "waiting"

	// SourceLive stands by its list.
	SourceLive SourceState = "live"

	// SourceStale has the last good list, because it fails, or has not answered since the start or the reload.
	SourceStale SourceState = "stale"

	// SourceHeld has answered with a loss that is not believed yet.
	SourceHeld SourceState = "held"
)

// SourceStatus is how one source of a pool is doing.
type SourceStatus struct {
	Name     string      `json:"name"`     // of its module
	Position int         `json:"position"` // in the pool's definition, from 1
	State    SourceState `json:"state"`
	Entries  int         `json:"entries"` // that it adds to the pool, before duplicates are merged

	// LastSuccess is when it last answered with a list, which may have been before a restart; zero if never.
	LastSuccess time.Time `json:"last_success,omitzero"`

	// LastError is its latest error, which may be over.
	LastError   string    `json:"last_error,omitempty"`
	LastErrorAt time.Time `json:"last_error_at,omitzero"`

	// HeldUntil is when a loss is believed if nothing comes between; zero if that is not foreseeable.
	HeldUntil time.Time `json:"held_until,omitzero"`

	// Dropped is how many entries of the latest list could not be taken, and FirstDropped a few of them.
	Dropped      int            `json:"dropped"`
	FirstDropped []DroppedEntry `json:"first_dropped,omitempty"`
}

// Age is how old the list is.
func (s *SourceStatus) Age(now time.Time) time.Duration { return now.Sub(s.LastSuccess) }

// DroppedEntry is an entry that could not be taken, and why.
type DroppedEntry struct {
	Key    string `json:"key"`
	Reason string `json:"reason"`
}

// provenance is where a roster's list comes from, written by who runs the roster.
type provenance struct {
	statuses atomic.Pointer[[]SourceStatus]
	lists    atomic.Pointer[map[string][]listing.Info]
}

// Sources is how the roster's sources are doing, in the order of its definition. The slice is not to be changed.
func (r *Roster) Sources() []SourceStatus {
	if s := r.provenance.statuses.Load(); s != nil {
		return *s
	}
	return nil
}

// Sources is how the sources of the pool's newest definition are doing.
func (p *Pool) Sources() []SourceStatus {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.rosters); n > 0 {
		return p.rosters[n-1].roster.Sources()
	}
	return nil
}

// SetSources replaces what Sources returns.
func (r *Roster) SetSources(s []SourceStatus) { r.provenance.statuses.Store(&s) }

// SourceLists is the last good list of each source, by what defines the source. A new roster starts
// with those of the one before it, so that a source which both define is not forgotten
// by a change of another. Neither map nor lists are to be changed.
func (r *Roster) SourceLists() map[string][]listing.Info {
	if lists := r.provenance.lists.Load(); lists != nil {
		return *lists
	}
	return nil
}

// SetSourceLists replaces what SourceLists returns.
func (r *Roster) SetSourceLists(lists map[string][]listing.Info) { r.provenance.lists.Store(&lists) }

// Storage is that of the newest module that uses the roster: what an older one has may be closed by now.
func (r *Roster) Storage() certmagic.Storage { return r.owner.Load().Storage }

// Passes reports whether nothing speaks against an endpoint of the list as far as probes go. Without probes that is
// so of every endpoint.
func (r *Roster) Passes(address string) bool {
	m := r.Snapshot().Find(address)
	return m == nil || m.Conditions()&r.rules.Watched&(ProbeFailed|Unchecked) == 0
}
