package endpoint

import (
	"sync"
	"sync/atomic"
)

// poolTraffic counts what concerns no single endpoint of a pool. A reload does not reset it.
type poolTraffic struct {
	picks    atomic.Pointer[[]*PolicyPicks] // one for each policy; only grows
	unserved atomic.Uint64
	retries  [2]atomic.Uint64 // at endpoints that the request had not tried, and that it had
	reports  [ReportResultCount]atomic.Uint64
	hedges   [HedgeResultCount]atomic.Uint64
	observed [EjectionCauseCount]atomic.Uint64 // ejections that were not made

	past Totals // of endpoints that the pool has forgotten; guarded by the pool's lock

	mu      sync.Mutex // guards sources, and orders changes of picks
	sources map[sourceKey]*SourceCounts
}

// PolicyPicks counts the picks of one policy by their reason.
type PolicyPicks struct {
	// Policy is the name of the policy's module.
	Policy string

	counts [PickReasonCount]atomic.Uint64
}

// Count returns the number of picks for a reason.
func (p *PolicyPicks) Count(r PickReason) uint64 { return p.counts[r].Load() }

// CountPick counts that a policy picked the endpoint for a reason.
func (e *Endpoint) CountPick(policy string, r PickReason) {
	e.traffic.picks.Add(1)
	e.pool.traffic.picksOf(policy).counts[r].Add(1)
}

func (t *poolTraffic) picksOf(policy string) *PolicyPicks {
	if p := t.find(policy); p != nil {
		return p
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if p := t.find(policy); p != nil {
		return p
	}
	p := &PolicyPicks{Policy: policy}
	var all []*PolicyPicks
	if known := t.picks.Load(); known != nil {
		all = append(all, *known...)
	}
	all = append(all, p)
	t.picks.Store(&all)
	return p
}

func (t *poolTraffic) find(policy string) *PolicyPicks {
	if all := t.picks.Load(); all != nil {
		for _, p := range *all {
			if p.Policy == policy {
				return p
			}
		}
	}
	return nil
}

// Picks returns the picks of each policy that has picked in the pool.
func (p *Pool) Picks() []*PolicyPicks {
	if all := p.traffic.picks.Load(); all != nil {
		return *all
	}
	return nil
}

// CountUnserved counts a try of a request that found no endpoint.
func (p *Pool) CountUnserved() { p.traffic.unserved.Add(1) }

// Unserved returns the number of tries that found no endpoint.
func (p *Pool) Unserved() uint64 { return p.traffic.unserved.Load() }

// CountObservedEjection counts an ejection of an endpoint that detection only observes.
func (e *Endpoint) CountObservedEjection(c EjectionCause) { e.pool.traffic.observed[c].Add(1) }

// ObservedEjections returns how often a rule would have ejected an endpoint of the pool if it were
// not only observed.
func (p *Pool) ObservedEjections(c EjectionCause) uint64 { return p.traffic.observed[c].Load() }

// CountRetry counts that a request was sent again. tried says that it had been at this endpoint.
func (e *Endpoint) CountRetry(tried bool) {
	if tried {
		e.pool.traffic.retries[1].Add(1)
	} else {
		e.pool.traffic.retries[0].Add(1)
	}
}

// Retries returns how often requests were sent again, to endpoints that they had not tried and that
// they had.
func (p *Pool) Retries() (untried, tried uint64) {
	return p.traffic.retries[0].Load(), p.traffic.retries[1].Load()
}

// AddTotals adds what has happened at all endpoints of the pool to t, also at those that it has
// forgotten.
func (p *Pool) AddTotals(t *Totals) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t.add(&p.traffic.past)
	for _, tracked := range p.endpoints {
		tracked.endpoint.AddTotals(t)
	}
}

// forgetLocked removes an endpoint, and keeps its part of the totals.
func (p *Pool) forgetLocked(address string) {
	p.endpoints[address].endpoint.AddTotals(&p.traffic.past)
	delete(p.endpoints, address)
}

func (t *Totals) add(o *Totals) {
	t.Picks += o.Picks
	for i, n := range o.Endings {
		t.Endings[i] += n
	}
	for i, n := range o.Ejections {
		t.Ejections[i] += n
	}
	for i, n := range o.Checks {
		t.Checks[i] += n
	}
	t.CheckTime += o.CheckTime
	t.Broken += o.Broken
	for i, n := range o.FirstByte.Buckets {
		t.FirstByte.Buckets[i] += n
	}
	t.FirstByte.Sum += o.FirstByte.Sum
}
