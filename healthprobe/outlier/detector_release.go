package outlier

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// passedPollInterval is how often an ejected endpoint is looked at for a passed check.
const passedPollInterval = 100 * time.Millisecond

// releaseExpired ends the ejections whose time is over: it moves the endpoint to half-open, or
// readmits it after a passed check. An ejection ends early when checks that have failed in it pass
// again: they see the fault, and see that it is gone. releaseExpired returns the time until it must
// be called again.
func (d *detector) releaseExpired(now time.Time) time.Duration {
	d.mu.Lock()
	defer d.mu.Unlock()
	next := time.Hour
	for e := range d.ejected {
		j := e.Ejection()
		if !e.Is(endpoint.Ejected) || j == nil || !d.roster.IsCurrent() {
			continue
		}
		switch left := j.Until.Sub(now); {
		case left > 0 && !hasRecovered(e, j.Since):
			if next = min(next, left); e.Verdict() != nil {
				next = min(next, passedPollInterval)
			}
		case d.Readmit == readmitRequest:
			e.Replace(endpoint.Ejected, endpoint.HalfOpen)
		case hasRecovered(e, j.Since):
			d.readmit(e, "its checks pass again")
		case passedSince(e, j.Until, now) && !e.Is(endpoint.ProbeFailed):
			d.readmit(e, "a check passed")
		default:
			next = min(next, passedPollInterval)
		}
	}
	return next
}

// hasRecovered reports whether checks that failed have found the endpoint healthy again since then.
func hasRecovered(e *endpoint.Endpoint, then time.Time) bool {
	v := e.Verdict()
	return v != nil && v.Passes && v.Recovered.After(then)
}

// passedSince reports whether a check has passed since then. It compares how long ago both were,
// because the two times are of different clocks.
func passedSince(e *endpoint.Endpoint, then, now time.Time) bool {
	return e.Passed() != 0 && load.Now().Sub(e.Passed()) < now.Sub(then)
}

// endTrial applies the result of a request to a half-open endpoint.
func (d *detector) endTrial(e *endpoint.Endpoint, failed bool) {
	if failed {
		d.eject(e, endpoint.FailedTrial, "the trial request failed")
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.Is(endpoint.HalfOpen) && d.roster.IsCurrent() {
		d.readmit(e, "the trial request succeeded")
	}
}

// readmit lets an endpoint serve again. Its ejection stays known, so that the next one soon after
// is longer. The caller must hold mu.
func (d *detector) readmit(e *endpoint.Endpoint, reason string) {
	event := endpoint.Event{Name: endpoint.Readmitted, Address: e.Address(), Reason: reason}
	if last := e.Ejection(); last != nil {
		event.Since = last.Since
	}
	delete(d.ejected, e)
	e.Tally.Clear()
	e.Set(endpoint.Ejected|endpoint.HalfOpen, false)
	d.roster.Emit(event)
}

// updateMembers applies a new list of the roster. It takes over ejections of an earlier config, and
// forgets endpoints that have left the pool, which no longer count against max_ejected_percent.
func (d *detector) updateMembers(s *endpoint.Snapshot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	present := make(map[*endpoint.Endpoint]bool, len(s.Members))
	for i := range s.Members {
		e := s.Members[i].Endpoint
		present[e] = true
		if id := s.Members[i].Info.ID; d.members[e] && d.ids[e] != id && d.roster.IsCurrent() {
			d.forget(e) // another process is at its address
		}
		d.ids[e] = s.Members[i].Info.ID
		if !d.members[e] && e.Is(endpoint.Ejected|endpoint.HalfOpen) {
			d.ejected[e] = true
			d.wake.Set()
		}
	}
	for e := range d.members {
		if !present[e] {
			delete(d.ids, e)
			if d.roster.IsCurrent() {
				d.forget(e)
			}
		}
	}
	d.members = present
}

// Forget implements endpoint.Observer.
func (d *detector) Forget(e *endpoint.Endpoint) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if e.Is(endpoint.Ejected | endpoint.HalfOpen) {
		d.readmit(e, "an operator reset it")
	}
	d.forget(e)
}

func (d *detector) forget(e *endpoint.Endpoint) {
	delete(d.ejected, e)
	delete(d.reported, e)
	e.SetEjection(nil)
	e.Tally.Clear()
	e.Set(endpoint.Ejected|endpoint.HalfOpen, false)
}
