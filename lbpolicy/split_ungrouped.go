package lbpolicy

import (
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// watchUngrouped warns of endpoints that are in no group, until stop is called. It warns once, and
// again when there were none meanwhile.
func (ro *rollout) watchUngrouped(r *endpoint.Roster) (stop func()) {
	return r.Subscribe(func(s *endpoint.Snapshot) {
		n, first := 0, ""
		for i := range s.Members {
			if groupOf(ro.groups, s.Members[i].Info) < 0 {
				if n == 0 {
					first = s.Members[i].Address()
				}
				n++
			}
		}
		if n > 0 && !ro.ungrouped.Swap(true) {
			r.Logger().Warn("endpoints are in no group of split, and get no requests from it",
				zap.String("pool", r.Name()), zap.Int("ungrouped", n), zap.String("first", first),
				zap.String("expected", "a group without conditions, or metadata that fits one"))
		} else if n == 0 {
			ro.ungrouped.Store(false)
		}
	})
}
