package outlier

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// release puts on trial whose time is over, and returns how long it is to the next one.
func (d *detector) release(now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := time.Hour
	for e := range d.out {
		j := e.Ejection()
		if !e.Is(endpoint.Ejected) || j == nil || !d.roster.IsCurrent() {
			continue
		}
		switch left := j.Until.Sub(now); {
		case left > 0:
			next = min(next, left)
		case d.Readmit == readmitRequest:
			e.Replace(endpoint.Ejected, endpoint.HalfOpen)
		case passedSince(e, j.Until, now) && !e.Is(endpoint.ProbeFailed):
			d.readmit(e, "a check passed")
		default:
			next = min(next, probeWait)
		}
	}
	return next
}

// passedSince compares in the time that has gone by, as the two moments are of different clocks.
func passedSince(e *endpoint.Endpoint, moment, now time.Time) bool {
	return e.Passed() != 0 && load.Now().Sub(e.Passed()) < now.Sub(moment)
}

// probeWait is how soon a passed check readmits an endpoint.
const probeWait = 100 * time.Millisecond

// follow takes over a list of the roster. Whoever left gives its place among the ejected free.
func (d *detector) updateMembers(s *endpoint.Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	present := make(map[*endpoint.Endpoint]bool, len(s.Members))
	for i := range s.Members {
		e := s.Members[i].Endpoint
		present[e] = true
		if !d.members[e] && e.Is(endpoint.Ejected|endpoint.HalfOpen) {
			d.out[e] = true
			d.wakeUp()
		}
	}
	for e := range d.members {
		if !present[e] && d.roster.IsCurrent() {
			d.forget(e)
		}
	}
	d.members = present
}

func (d *detector) forget(e *endpoint.Endpoint) {
	delete(d.out, e)
	delete(d.observed, e)
	e.SetEjection(nil)
	e.Tally.Clear()
	e.Set(endpoint.Ejected|endpoint.HalfOpen, false)
}
