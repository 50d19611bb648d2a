package pool

import (
	"slices"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/egress"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Lists are judged when they are used and not when they arrive. The rules therefore hold for stored
// lists, too, and new rules for all lists that are known.

// egressFilter leaves out of a source's list what may not be dialed.
type egressFilter struct {
	trusted bool
	rules   func() *egress.Rules

	refused int                     // how many endpoints the latest list lacks
	first   []endpoint.DroppedEntry // the first few of them, in the order of addresses
}

// mark marks the endpoints of a trusted source. It leaves the given list alone.
func (f *egressFilter) mark(list []discovery.Endpoint) []discovery.Endpoint {
	if !f.trusted {
		return list
	}
	list = slices.Clone(list)
	for i := range list {
		list[i].Trusted = true
	}
	return list
}

// permitted returns the endpoints of the source that may be dialed. It logs those that may not if
// they are others than before.
func (s *sourceState) permitted(list []discovery.Endpoint) []discovery.Endpoint {
	f, before := &s.egress, s.egress
	f.refused, f.first = 0, nil
	list = permitted(f.rules(), list, func(e *discovery.Endpoint, err error) {
		if f.refused++; f.refused <= maxListed {
			reason := "address: " + shorten(err.Error())
			f.first = append(f.first, endpoint.DroppedEntry{Key: shorten(e.Key()), Reason: reason})
		}
	})
	if f.refused > 0 && (f.refused != before.refused || !slices.Equal(f.first, before.first)) {
		var first []string
		for _, d := range f.first {
			first = append(first, d.Key+": "+d.Reason)
		}
		s.log().Warn("discovery: endpoints were refused", zap.Int("refused", f.refused), zap.Strings("first", first))
	}
	return list
}

// permitted returns the endpoints that are trusted or that the rules permit, and calls refuse with
// the others.
func permitted(
	rules *egress.Rules, list []discovery.Endpoint, refuse func(e *discovery.Endpoint, err error),
) []discovery.Endpoint {
	kept := list
	for i := range list {
		var err error
		if e := &list[i]; !e.Trusted {
			err = rules.Check(e.Address)
		}
		switch shared := len(kept) == len(list); {
		case err == nil && !shared:
			kept = append(kept, list[i])
		case err != nil:
			refuse(&list[i], err)
			if shared {
				kept = append(make([]discovery.Endpoint, 0, len(list)-1), list[:i]...)
			}
		}
	}
	return kept
}

// judgeInterval is the time between two looks at refused endpoints. An address may be free for a
// backend when Caddy no longer listens there.
const judgeInterval = 10 * time.Second

// egressState is what the loop knows of the rules.
type egressState struct {
	rules  *egress.Rules // by which the lists were judged
	judged time.Time
}

// permitted returns the endpoints of a list that may be dialed.
func (e *egressState) permitted(list []discovery.Endpoint) []discovery.Endpoint {
	return permitted(e.rules, list, func(*discovery.Endpoint, error) {})
}

// applyRules judges all lists again if the rules have changed.
func (l *loop) applyRules(now time.Time) {
	if rules := l.roster.Egress(); !rules.SameListeners(l.egress.rules) {
		l.egress.rules = rules
		l.judge(now)
	}
}

// judge judges all lists again.
func (l *loop) judge(now time.Time) {
	l.egress.judged = now
	l.dirty = l.dirty || len(l.handover.list) > 0
	for _, s := range l.sources {
		l.dirty = s.updateServing() || l.dirty
	}
}

// judgeAt returns when all lists are to be judged again; zero if no endpoint is refused.
func (l *loop) judgeAt() time.Time {
	for _, s := range l.sources {
		if s.egress.refused > 0 {
			return l.egress.judged.Add(judgeInterval)
		}
	}
	return time.Time{}
}
