package pool

import (
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// handover keeps the list of the previous definition of a pool until the sources of the new one
// have taken over, because a change of the definition must not remove endpoints that serve. Sources
// that both definitions have keep lists of their own; the handover stands in for the new sources.
//
// Without any list of a source the handover does not end: a reload during an outage of the registry
// must not do what the outage itself did not. Once one source has a list, the others have the
// initial wait to report theirs, because the old list may name endpoints that are long gone.
type handover struct {
	list        []discovery.Endpoint // nil if there was no list, or the handover is over
	since       time.Time
	initialWait time.Duration
	emptyGrace  time.Duration // how long the list outlasts sources that all report an empty list
}

// inheritedList returns the list that a roster starts with.
func inheritedList(r *endpoint.Roster) []discovery.Endpoint {
	var list []discovery.Endpoint
	for _, member := range r.Snapshot().Members {
		list = append(list, *member.Info)
	}
	return sorted(list)
}

// endsAt returns when the handover ends, given what the sources have reported so far; zero if it
// waits for a source.
func (h *handover) endsAt(sources []*sourceState) time.Time {
	listed, authoritative, entries := 0, true, 0
	for _, s := range sources {
		if s.list != nil {
			listed++
			authoritative = authoritative && s.authoritative
			entries += len(s.list)
		}
	}
	switch {
	case listed == 0:
		return time.Time{}
	case listed == len(sources) && (entries > 0 || authoritative):
		return h.since
	case listed == len(sources):
		return h.since.Add(h.emptyGrace)
	}
	return h.since.Add(h.initialWait)
}

// expire ends the handover if it is time, and reports whether it did.
func (h *handover) expire(sources []*sourceState, now time.Time) (ended bool) {
	if h.list == nil || !isDue(h.endsAt(sources), now) {
		return false
	}
	h.list = nil
	return true
}

// nextDeadline returns when expire has something to do; zero if never.
func (h *handover) nextDeadline(sources []*sourceState) time.Time {
	if h.list == nil {
		return time.Time{}
	}
	return h.endsAt(sources)
}
