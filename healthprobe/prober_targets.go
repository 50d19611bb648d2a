package healthprobe

import (
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// updateTargets applies a new list of the roster. The roster calls it before it publishes the list,
// so that a new endpoint has its initial verdict before it can be picked.
func (p *prober) updateTargets(s *endpoint.Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := len(p.targets) == 0
	present := make(map[*endpoint.Endpoint]bool, len(s.Members))
	var added, replaced []*target
	var joined []*endpoint.Endpoint
	for i := range s.Members {
		m := &s.Members[i]
		present[m.Endpoint] = true
		if p.targets[m.Endpoint] == nil {
			p.targets[m.Endpoint] = p.newTargets(m.Endpoint)
			added = append(added, p.targets[m.Endpoint]...)
		} else if p.targets[m.Endpoint][0].latest.ID != m.Info.ID && p.roster.IsCurrent() {
			m.Endpoint.SetVerdict(nil)
			m.Endpoint.ForgetAdvice()
			joined = append(joined, m.Endpoint)
			replaced = append(replaced, p.targets[m.Endpoint]...)
		}
		for _, t := range p.targets[m.Endpoint] {
			t.latest = m.Info
		}
	}
	p.removeDeparted(present)
	if len(p.departed) > 0 {
		p.wake.Set()
	}
	joining := !first && p.roster.Running() && hasServing(s)
	p.admitNew(added, joining)
	for _, e := range joined {
		p.setInitialVerdict(e, joining, time.Now())
	}
	p.checkSoon(replaced)
}

// checkSoon schedules the next check of targets without delay, because the processes at their
// addresses are others now.
func (p *prober) checkSoon(targets []*target) {
	now := time.Now()
	for i, t := range targets {
		if t.index >= 0 { // otherwise it waits in a queue, or is being checked
			p.schedule.remove(t)
			p.schedule.add(t, now.Add(time.Duration(i)*firstCheckGap))
		}
	}
	if len(targets) > 0 {
		p.wake.Set()
	}
}

// newTargets returns the targets of an endpoint, one for each probe.
func (p *prober) newTargets(e *endpoint.Endpoint) []*target {
	targets := make([]*target, len(p.probes))
	for i, probe := range p.probes {
		targets[i] = &target{endpoint: e, probe: probe, position: i, index: -1}
	}
	return targets
}

// removeDeparted forgets the endpoints that have left the pool. One that comes back is new.
func (p *prober) removeDeparted(present map[*endpoint.Endpoint]bool) {
	for e, targets := range p.targets {
		if present[e] {
			continue
		}
		for _, t := range targets {
			t.removed = true
			p.schedule.remove(t)
		}
		p.departed = append(p.departed, targets...)
		delete(p.targets, e)
		if p.roster.IsCurrent() {
			e.SetVerdict(nil)
			e.Set(endpoint.ProbeFailed|endpoint.Unchecked, false)
			e.ForgetAdvice()
		}
	}
}

// closeDeparted closes what probes kept for endpoints that have left the pool, once no check of
// them is running. removeDeparted does not do it, because closing ten thousand connections would
// delay the new list.
func (p *prober) closeDeparted() {
	p.mu.Lock()
	var idle []*target
	p.departed = slices.DeleteFunc(p.departed, func(t *target) bool {
		if t.batch == nil {
			idle = append(idle, t)
		}
		return t.batch == nil
	})
	p.mu.Unlock()
	for _, t := range idle {
		t.probed.closeKept()
	}
}

// hasServing reports whether some checked endpoint gets requests, so that new endpoints can wait
// for their first check.
func hasServing(s *endpoint.Snapshot) bool {
	const blocking = endpoint.ProbeFailed | endpoint.Unchecked | endpoint.Ejected
	return slices.ContainsFunc(s.Members, func(m endpoint.Member) bool {
		return m.Weight > 0 && m.Verdict() != nil && !m.Is(blocking)
	})
}

// firstCheckGap is the minimum time between two first checks of new endpoints. They are checked
// without delay, but ten thousand of them not in one instant.
const firstCheckGap = time.Millisecond

// admitNew sets the initial verdicts of new endpoints and schedules their first checks. joining
// says whether they join a pool that serves.
func (p *prober) admitNew(added []*target, joining bool) {
	now := time.Now()
	gap := min(firstCheckGap, p.interval/time.Duration(max(len(p.targets)*len(p.probes), 1)))
	for i, t := range added {
		if t.position == 0 {
			p.setInitialVerdict(t.endpoint, joining, now)
		}
		p.schedule.add(t, now.Add(time.Duration(i)*gap))
	}
	if len(added) > 0 {
		p.wake.Set()
	}
}
