package pool

import (
	"sync/atomic"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// unusableReporter logs once that requests find no endpoint, until a request finds one again.
//
// The roster logs it when the last usable endpoint of a pool is lost, so the reporter leaves that
// case out. It covers what the roster cannot see: usable endpoints that are all full or fail
// Caddy's passive checks. It also covers pools that have had no usable endpoint since the config
// was loaded, about which the roster says nothing: at a start that is normal until the first checks
// pass, and only a request makes it a problem.
type unusableReporter struct {
	reported  atomic.Bool
	wasUsable atomic.Bool // the pool has had a usable endpoint since watch
	stop      func()
}

// watch follows the mode of a roster until stop is called.
func (u *unusableReporter) watch(r *endpoint.Roster) {
	u.stop = r.BeforePublish(func(s *endpoint.Snapshot) {
		if s.Mode != endpoint.None {
			u.wasUsable.Store(true)
		}
	})
}

// clear makes the next report count as news. It runs on every request, and a load is cheaper than a
// store, which would take the cache line from other CPUs.
func (u *unusableReporter) clear() {
	if u.reported.Load() {
		u.reported.Store(false)
	}
}

// report logs that a request found no endpoint, and how many endpoints are out for which reason.
func (u *unusableReporter) report(d *Definition, admit endpoint.Admit) {
	s := d.claim.Roster.Snapshot()
	if s.Mode == endpoint.None && u.wasUsable.Load() || u.reported.Swap(true) {
		return
	}
	var draining, failing, full, ungrouped int
	for i := range s.Members {
		switch m := &s.Members[i]; {
		case d.isDraining(m):
			draining++
		case isFull(m, admit):
			full++
		case s.Mode != endpoint.None && m.Weight == 0 && d.works(m):
			// It works, and its priority has no part in the requests.
		case d.works(m) && d.isUngrouped(m):
			ungrouped++
		default:
			failing++
		}
	}
	d.logger.Warn("no endpoint can take a request", zap.String("pool", d.Name), zap.Int("endpoints", len(s.Members)),
		zap.Int("draining", draining), zap.Int("full", full), zap.Int("failing", failing),
		zap.Int("ungrouped", ungrouped))
}

// isUngrouped reports whether the policy has groups, and none of them has the endpoint.
func (d *Definition) isUngrouped(m *endpoint.Member) bool {
	_, ungrouped := d.claim.Roster.GroupsOf(m.Info)
	return ungrouped
}

// works reports whether nothing is wrong with the endpoint itself.
func (d *Definition) works(m *endpoint.Member) bool { return m.Conditions()&d.watched == 0 }

// isDraining reports whether the source or the endpoint itself asks for no new requests.
func (d *Definition) isDraining(m *endpoint.Member) bool {
	return !m.Info.Serving() || m.Is((endpoint.DrainRequested|endpoint.Maintenance)&d.watched)
}

// isFull reports whether the endpoint has as many requests in flight as its limit allows.
func isFull(m *endpoint.Member, admit endpoint.Admit) bool {
	_, limit := admit(m)
	return limit > 0 && m.InFlight() >= limit || isFullForCaddy(m, limit)
}

// CountUnserved counts a request for which no endpoint was usable, and logs the first one of
// several. admit is what the picks go by.
func (d *Definition) CountUnserved(admit endpoint.Admit) {
	d.claim.Pool.CountUnserved()
	d.unusable.report(d, admit)
}

// CountServed makes the next unserved request count as news.
func (d *Definition) CountServed() { d.unusable.clear() }
