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
	var added []*target
	for i := range s.Members {
		m := &s.Members[i]
		present[m.Endpoint] = true
		if t := p.targets[m.Endpoint]; t != nil {
			t.latest = m.Info
		} else {
			t := &target{endpoint: m.Endpoint, latest: m.Info, index: -1}
			p.targets[m.Endpoint] = t
			added = append(added, t)
		}
	}
	p.removeDeparted(present)
	if len(p.departed) > 0 {
		p.wake.Set()
	}
	p.admitNew(added, !first && p.roster.Running() && hasServing(s))
}

// removeDeparted forgets the endpoints that have left the pool. One that comes back is new.
func (p *prober) removeDeparted(present map[*endpoint.Endpoint]bool) {
	for e, t := range p.targets {
		if present[e] {
			continue
		}
		t.removed = true
		p.departed = append(p.departed, t)
		p.schedule.remove(t)
		delete(p.targets, e)
		if p.roster.IsCurrent() {
			e.SetVerdict(nil)
			e.Set(endpoint.ProbeFailed|endpoint.Unchecked, false)
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

// firstCheckGap is the minimum time between the first checks of two new endpoints. They are checked
// without delay, but ten thousand of them not in one instant.
const firstCheckGap = time.Millisecond

// admitNew sets the initial verdicts of new endpoints and schedules their first checks. joining
// says whether they join a pool that serves.
func (p *prober) admitNew(added []*target, joining bool) {
	now := time.Now()
	gap := min(firstCheckGap, p.interval/time.Duration(max(len(p.targets), 1)))
	for i, t := range added {
		p.setInitialVerdict(t.endpoint, joining, now)
		p.schedule.add(t, now.Add(time.Duration(i)*gap))
	}
	if len(added) > 0 {
		p.wake.Set()
	}
}

// setInitialVerdict continues from the verdict that an earlier config left, if there is one. A
// verdict of another probe holds until the first result of this one.
func (p *prober) setInitialVerdict(e *endpoint.Endpoint, joining bool, now time.Time) {
	if e.Verdict() != nil {
		v := p.verdict(e)
		e.SetVerdict(&v)
		return
	}
	waits := p.initial == initialUnhealthy || p.initial == "" && joining
	e.SetVerdict(&endpoint.Verdict{Probe: p.key, Passes: !waits, Since: now})
	e.Set(endpoint.Unchecked, waits)
}
