package pool

import (
	"cmp"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// lingerCheckInterval is the time between two looks at the probes of lingering endpoints, and
// therefore how long an endpoint lingers after its probes begin to fail.
const lingerCheckInterval = time.Second

// lingering holds the endpoints of a source that disappeared from its answers and keep serving for
// the removal grace. An endpoint lingers until the grace is over or its probes fail, whichever
// comes first; without probes it lingers for the whole grace. Envoy has the same rule for hosts
// that are absent from discovery and pass their checks.
//
// A registry whose lists have other endpoints each time could fill the memory with lingering ones,
// so there is a limit, beyond which those that have lingered longest leave.
type lingering struct {
	grace  time.Duration
	limit  int                       // the maximum number of endpoints
	passes func(address string) bool // reports whether no probe has failed

	endpoints []lingeringEndpoint // in the order of addresses
	checked   time.Time
}

type lingeringEndpoint struct {
	discovery.Endpoint
	until time.Time
}

// update adds the endpoints that are missing from the new list, and removes those that came back.
// Draining endpoints do not linger, because they get no new requests anyway.
func (l *lingering) update(before, after []discovery.Endpoint, now time.Time) {
	if l.grace == 0 {
		return
	}
	until := make(map[string]time.Time, len(l.endpoints))
	for i := range l.endpoints {
		until[l.endpoints[i].Address] = l.endpoints[i].until
	}
	missing := difference(union(before, l.list()), after)
	l.endpoints, l.checked = nil, now
	for _, e := range missing {
		end, lingers := until[e.Address]
		if !lingers {
			end = now.Add(l.grace)
		}
		if e.Serving() {
			l.endpoints = append(l.endpoints, lingeringEndpoint{e, end})
		}
	}
	l.enforceLimit()
}

// enforceLimit removes the endpoints whose grace ends first.
func (l *lingering) enforceLimit() {
	excess := len(l.endpoints) - l.limit
	if excess <= 0 {
		return
	}
	byEnd := func(a, b lingeringEndpoint) int { return a.until.Compare(b.until) }
	last := slices.SortedStableFunc(slices.Values(l.endpoints), byEnd)[excess:]
	slices.SortFunc(last, func(a, b lingeringEndpoint) int { return cmp.Compare(a.Address, b.Address) })
	l.endpoints = last
}

// expire removes the endpoints whose grace is over or whose probes fail.
func (l *lingering) expire(now time.Time) {
	l.checked = now
	l.endpoints = slices.DeleteFunc(l.endpoints, func(e lingeringEndpoint) bool {
		return !now.Before(e.until) || !l.passes(e.Address)
	})
}

// nextDeadline returns when expire has something to do; zero if nothing lingers.
func (l *lingering) nextDeadline() time.Time {
	if len(l.endpoints) == 0 {
		return time.Time{}
	}
	at := l.checked.Add(lingerCheckInterval)
	for i := range l.endpoints {
		at = earliest(at, l.endpoints[i].until)
	}
	return at
}

// clear removes all endpoints, after a removal that is intended.
func (l *lingering) clear() { l.endpoints = nil }

func (l *lingering) list() []discovery.Endpoint {
	var list []discovery.Endpoint
	for i := range l.endpoints {
		list = append(list, l.endpoints[i].Endpoint)
	}
	return list
}
