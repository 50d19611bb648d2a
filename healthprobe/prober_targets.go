package healthprobe

import (
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// follow takes over a list of the roster, before it is published.
func (p *prober) updateTargets(s *endpoint.Snapshot) {
	p.mu.Lock()
	defer p.mu.Unlock()
	first := len(p.targets) == 0
	present := make(map[*endpoint.Endpoint]bool, len(s.Members))
	var newcomers []*target
	for i := range s.Members {
		m := &s.Members[i]
		present[m.Endpoint] = true
		if t := p.targets[m.Endpoint]; t != nil {
			t.latest = m.Info
		} else {
			t := &target{endpoint: m.Endpoint, latest: m.Info, place: -1}
			p.targets[m.Endpoint] = t
			newcomers = append(newcomers, t)
		}
	}
	p.removeDeparted(present)
	if len(p.departed) > 0 {
		p.wakeUp()
	}
	p.admitNew(newcomers, !first && p.roster.Running() && p.hasServing(s))
}

// dismiss forgets who left. One that comes back is a newcomer.
func (p *prober) removeDeparted(present map[*endpoint.Endpoint]bool) {
	for e, t := range p.targets {
		if present[e] {
			continue
		}
		t.gone = true
		p.departed = append(p.departed, t)
		p.schedule.remove(t)
		delete(p.targets, e)
		if p.roster.IsCurrent() {
			e.SetVerdict(nil)
			e.Set(endpoint.ProbeFailed|endpoint.Unchecked, false)
		}
	}
}

// letGoOfLeft closes what was kept for those who left, once they are not being checked any more. It is not a part of
// dismiss, as ten thousand connections take a while to close.
func (p *prober) closeDeparted() {
	p.mu.Lock()
	var over []*target
	p.departed = slices.DeleteFunc(p.departed, func(t *target) bool {
		if t.batch == nil {
			over = append(over, t)
		}
		return t.batch == nil
	})
	p.mu.Unlock()
	for _, t := range over {
		t.probed.closeKept()
	}
}

// letGoOfAll is for the end, when no check is under way.
func (p *prober) closeAll() {
	for _, t := range p.departed {
		t.probed.closeKept()
	}
	for _, t := range p.targets {
		t.probed.closeKept()
	}
}

// someoneServes reports whether requests have somewhere to go while newcomers wait.
func (p *prober) hasServing(s *endpoint.Snapshot) bool {
	for i := range s.Members {
		if e := s.Members[i].Endpoint; s.Members[i].Weight > 0 && e.Verdict() != nil && !e.Is(endpoint.ProbeFailed|endpoint.Unchecked|endpoint.Ejected) {
			return true
		}
	}
	return false
}

// newcomersGap is the least time between the first checks of two newcomers. They come at once, but ten
// thousand of them not in one instant.
const firstCheckGap = time.Millisecond

// welcome gives newcomers their first verdict and plans their first check.
func (p *prober) admitNew(newcomers []*target, late bool) {
	now := time.Now()
	gap := min(firstCheckGap, p.interval/time.Duration(max(len(p.targets), 1)))
	for i, t := range newcomers {
		p.initialVerdict(t.endpoint, late, now)
		p.schedule.add(t, now.Add(time.Duration(i)*gap))
	}
	if len(newcomers) > 0 {
		p.wakeUp()
	}
}

// initialVerdict goes on from what is known by an equal probe, or takes over the verdict of another one until its own
// first result.
func (p *prober) initialVerdict(e *endpoint.Endpoint, late bool, now time.Time) {
	if e.Verdict() != nil {
		v := p.verdict(e)
		e.SetVerdict(&v)
		return
	}
	waits := p.initial == initialUnhealthy || p.initial == "" && late
	e.SetVerdict(&endpoint.Verdict{Probe: p.key, Passes: !waits, Since: now})
	e.Set(endpoint.Unchecked, waits)
}
