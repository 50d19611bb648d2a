package lbpolicy

import (
	"slices"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// inherit takes over the sessions of static upstreams whose list a reload has changed. A list has
// no name, so the table of the carrier with the most upstreams in common is taken for that before.
func (t *sessionTable) inherit() {
	var from *sessionTable
	most := 0
	endpoint.EachKept(func(other *sessionTable) {
		if other == t || other.carrier != t.carrier || other.pool != t.pool {
			return
		}
		common := 0
		for _, a := range other.addresses {
			if slices.Contains(t.addresses, a) {
				common++
			}
		}
		if common > most {
			from, most = other, common
		}
	})
	if from != nil {
		t.copy(from)
	}
}

// copy makes the table equal to another one, before it is used.
func (t *sessionTable) copy(from *sessionTable) {
	t.seeds = from.seeds // by which keys are found
	for i := range from.parts {
		old, p := &from.parts[i], &t.parts[i]
		old.mu.Lock()
		for e := old.once.longest; e != nil; e = e.newer {
			p.copy(e, &p.once)
		}
		for e := old.known.longest; e != nil; e = e.newer {
			p.copy(e, &p.known)
		}
		old.mu.Unlock()
	}
}

func (p *tablePart) copy(e *tableEntry, into *tableList) {
	entry, _ := p.entry(e.key)
	p.give(entry, e.session)
	p.insert(entry, into, e.seen)
}
