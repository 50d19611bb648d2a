package pool

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// maxListed is the maximum number of items of a long list in a log line or a status.
const maxListed = 5

// recordError keeps the list, and logs the error if it is new.
func (s *sourceState) recordError(err error, now time.Time) {
	s.guard.stopTimer()
	s.lastError, s.lastErrorAt = err.Error(), now
	if !s.outage.begin(err, now) {
		return
	}
	s.log().Error("discovery failed", append(recovered.Fields(err), zap.Int("endpoints", len(s.serving)))...)
}

// recordSuccess logs the end of an outage.
func (s *sourceState) recordSuccess(now time.Time) {
	if lasted, ended := s.outage.end(now); ended {
		s.log().Info("discovery works again", zap.Duration("after", lasted), zap.Int("endpoints", len(s.serving)))
	}
}

// recordDropped keeps the dropped entries of the latest list, and logs them if they are not those
// of the list before.
func (s *sourceState) recordDropped(dropped []discovery.Dropped, omitted int) {
	before, omittedBefore := s.dropped, s.omitted
	s.dropped = nil
	for _, d := range dropped[:min(len(dropped), discovery.MaxDropped)] {
		entry := endpoint.DroppedEntry{Key: shorten(d.Key), Reason: shorten(d.Err.Error())}
		s.dropped = append(s.dropped, entry)
	}
	s.omitted = omitted + len(dropped) - len(s.dropped)
	slices.SortFunc(s.dropped, func(a, b endpoint.DroppedEntry) int { // registries do not keep an order
		return cmp.Or(cmp.Compare(a.Key, b.Key), cmp.Compare(a.Reason, b.Reason))
	})
	if len(s.dropped) == 0 || s.omitted == omittedBefore && (omitted > 0 || slices.Equal(before, s.dropped)) {
		return // with some omitted, others may be described each time, because registries do not keep an order
	}
	var first []string
	for _, d := range s.firstDropped() {
		first = append(first, d.Key+": "+d.Reason)
	}
	s.log().Warn("discovery: entries were dropped",
		zap.Int("dropped", len(s.dropped)+s.omitted), zap.Strings("first", first))
}

func (s *sourceState) firstDropped() []endpoint.DroppedEntry {
	return slices.Clip(s.dropped[:min(len(s.dropped), maxListed)])
}

// shorten keeps long texts of a registry from filling memory and logs.
func shorten(text string) string {
	const maxLength = 300 // room for a key, or a reason, which quotes at most 100 bytes
	if len(text) <= maxLength {
		return text
	}
	return strings.ToValidUTF8(text[:maxLength], "") + "..."
}

// status returns what metrics and the admin API show of the source.
func (s *sourceState) status() endpoint.SourceStatus {
	return endpoint.SourceStatus{
		Name: s.ref.name, Position: s.ref.position, Key: s.ref.key,
		State: s.state(), Entries: len(s.serving),
		LastSuccess: s.lastSuccess, LastError: s.lastError, LastErrorAt: s.lastErrorAt,
		HeldUntil:    s.guard.nextDeadline(),
		Dropped:      len(s.dropped) + s.omitted + s.egress.refused,
		FirstDropped: slices.Concat(s.firstDropped(), s.egress.first),
	}
}

func (s *sourceState) state() endpoint.SourceState {
	switch {
	case s.list == nil:
		return endpoint.SourceWaiting
	case s.guard.holding:
		return endpoint.SourceHeld
	case s.failing || s.origin != fromSource:
		return endpoint.SourceStale
	}
	return endpoint.SourceLive
}
