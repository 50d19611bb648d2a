package pool

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// handover keeps the list of the definition before until the sources of this one have taken over, so that a change
// of definition never takes away what served. Sources that both definitions have bring
// their own lists along; this one stands in for those that are new.
//
// While no source has a list, there is no end to it: a reload in the middle of an outage of the registry must
// not do what the outage itself did not. Once some have, the others get the initial wait, since the
// old list may name who has been gone for long.
type handover struct {
	list        []listing.Info // nil if there was none, or it is over
	since       time.Time
	initialWait time.Duration
	emptyGrace  time.Duration // in which sources that all say "empty" are not believed
}

func inherited(r *endpoint.Roster) []listing.Info {
	var list []listing.Info
	for _, member := range r.Snapshot().Members {
		list = append(list, *member.Info)
	}
	return sorted(list)
}

// until is when the handover ends with the sources as they are; zero if it does not end by itself.
func (h *handover) until(followers []*sourceState) time.Time {
	listed, final, entries := 0, true, 0
	for _, f := range followers {
		if f.list != nil {
			listed++
			final = final && f.final
			entries += len(f.list)
		}
	}
	switch {
	case listed == 0:
		return time.Time{}
	case listed == len(followers) && (entries > 0 || final):
		return h.since
	case listed == len(followers):
		return h.since.Add(h.emptyGrace)
	}
	return h.since.Add(h.initialWait)
}

// pass ends the handover if it is time, and reports whether it did.
func (h *handover) expire(followers []*sourceState, now time.Time) (ended bool) {
	if h.list == nil || !isDue(h.until(followers), now) {
		return false
	}
	h.list = nil
	return true
}

// due is when pass has something to do; zero if never.
func (h *handover) nextDeadline(followers []*sourceState) time.Time {
	if h.list == nil {
		return time.Time{}
	}
	return h.until(followers)
}
