package pool

import (
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// emptiness says once that a pool has no usable endpoint and why, until it has one again.
type unusableReporter struct{ reported atomic.Bool }

func (e *unusableReporter) clear() {
	if e.reported.Load() {
		e.reported.Store(false)
	}
}

func (e *unusableReporter) report(p *Pool) {
	if e.reported.Swap(true) {
		return
	}
	var draining, failing, full int
	members := p.claim.Roster.Snapshot().Members
	for i := range members {
		switch m := &members[i]; {
		case m.Weight == 0:
			draining++
		case p.full(m):
			full++
		default:
			failing++
		}
	}
	p.logger.Warn("pool has no usable endpoint", zap.String("pool", p.Name), zap.Int("endpoints", len(members)),
		zap.Int("draining", draining), zap.Int("full", full), zap.Int("failing", failing))
}

// full reports whether the endpoint has all the requests it may have.
func (p *Pool) full(m *endpoint.Member) bool {
	_, limit := p.admit(m)
	return limit > 0 && (m.InFlight() >= limit || m.Counts() != nil && m.Counts().NumRequests() >= limit)
}
