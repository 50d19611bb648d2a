package healthprobe

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"
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
	for _, t := range p.targets {
		if !yield(t) {
			return
		}
	}
}

// logAbandoned logs that checks did not end in time, and names the first of their endpoints.
func (p *prober) logAbandoned() {
	p.mu.Lock()
	defer p.mu.Unlock()
	first, checks := "", 0
	for t := range p.all {
		if address := t.endpoint.Address(); t.batch != nil {
			checks++
			if first == "" || address < first {
				first = address
			}
		}
	}
	p.roster.Logger().Error("probe does not stop and is abandoned", zap.String("pool", p.roster.Name()),
		zap.String("probe", nameOf(p.probe)), zap.Int("checks", checks), zap.String("address", first))
}

func nameOf(p Probe) string {
	if m, ok := p.(caddy.Module); ok {
		return m.CaddyModule().ID.Name()
	}
	return fmt.Sprintf("%T", p)
}
