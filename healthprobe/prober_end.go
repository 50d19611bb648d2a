package healthprobe

import (
	"slices"

	"go.uber.org/zap"
)

// finishLate ends a check whose result no longer matters, because the prober ends.
func (p *prober) finishLate(t *target) {
	p.mu.Lock()
	t.batch.close()
	t.batch = nil
	ended := p.ended
	p.mu.Unlock()
	if ended {
		t.probed.closeKept()
	}
}

// closeAll closes all that probes kept. What an abandoned check uses is closed when it returns.
func (p *prober) closeAll() {
	p.mu.Lock()
	p.ended = true
	var idle []*target
	for t := range p.all {
		if t.batch == nil {
			idle = append(idle, t)
		}
	}
	p.mu.Unlock()
	for _, t := range idle {
		t.probed.closeKept()
	}
}

// all is an iterator over all targets. The caller must hold mu.
func (p *prober) all(yield func(*target) bool) {
	for _, t := range p.departed {
		if !yield(t) {
			return
		}
	}
	for _, targets := range p.targets {
		for _, t := range targets {
			if !yield(t) {
				return
			}
		}
	}
}

// logAbandoned logs for each probe whose checks did not end in time how many these are, and names
// the first of their endpoints.
func (p *prober) logAbandoned() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, probe := range p.probes {
		if addresses := p.checking(probe); len(addresses) > 0 {
			p.roster.Logger().Error("probe does not stop and is abandoned",
				zap.String("pool", p.roster.Name()), zap.String("probe", probe.name),
				zap.Int("checks", len(addresses)), zap.String("address", slices.Min(addresses)))
		}
	}
}

// checking returns the addresses of the endpoints that a probe is checking now. The caller must
// hold mu.
func (p *prober) checking(probe *scheduledProbe) (addresses []string) {
	for t := range p.all {
		if t.probe == probe && t.batch != nil {
			addresses = append(addresses, t.endpoint.Address())
		}
	}
	return addresses
}
