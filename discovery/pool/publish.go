package pool

import (
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// publishAt returns when the list is to be published; zero if it is not. The first change after a
// quiet time is published at once, and later changes together once in each interval. An empty pool
// does not wait for the interval, because its requests fail or wait meanwhile.
func (l *loop) publishAt() time.Time {
	switch {
	case !l.dirty || !l.publishable():
		return time.Time{}
	case len(l.roster.Snapshot().Members) == 0:
		return l.handover.since // the start of the loop, which is long over
	}
	return l.published.Add(l.settings.updateInterval)
}

// publishable reports whether the list may be published. An empty first list waits until every
// source has reported: requests wait for the first list, and the other sources may have endpoints.
func (l *loop) publishable() bool {
	allReported := true
	for _, s := range l.sources {
		if len(s.serving) > 0 {
			return true
		}
		allReported = allReported && s.reported
	}
	return allReported || len(l.handover.list) > 0 || l.hasPublished()
}

// hasPublished reports whether the roster has had a list, of this definition or of an earlier one.
func (l *loop) hasPublished() bool {
	select {
	case <-l.roster.Answered():
		return true
	default:
		return false
	}
}

func (l *loop) publish(now time.Time) {
	var all []discovery.Endpoint
	for _, s := range l.sources {
		all = union(all, s.serving)
	}
	l.dirty, l.published = false, now
	l.logChange(l.roster.Replace(union(all, l.egress.permitted(l.handover.list))))
}

// logChange writes the one log line about a change of the list.
func (l *loop) logChange(c endpoint.Change) {
	if c.Empty() {
		return
	}
	fields := []zap.Field{zap.Int("endpoints", len(l.roster.Snapshot().Members))}
	for _, kind := range []struct {
		name      string
		addresses []string
	}{{"added", c.Added}, {"removed", c.Removed}, {"changed", c.Changed}} {
		if n := len(kind.addresses); n > 0 {
			first := kind.addresses[:min(n, maxListed)]
			fields = append(fields, zap.Int(kind.name, n), zap.Strings(kind.name+"_addresses", first))
		}
	}
	l.log().Info("pool changed", fields...)
}
