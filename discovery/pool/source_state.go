package pool

import (
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// sourceState is what a pool knows of one source, above all the last good list. It decides what
// each answer means for the pool. It has no goroutine and no clock of its own: the loop calls its
// methods, one at a time.
type sourceState struct {
	ref   sourceRef
	limit int // the maximum number of endpoints in an answer
	log   func() *zap.Logger
	count *endpoint.SourceCounts

	list          []discovery.Endpoint // the last good one; nil before the first
	origin        origin               // of list
	authoritative bool                 // list was an authoritative answer
	onListChange  func(*sourceState)   // called when list changes

	// serving is what the source adds to the pool: list, the answer that the guard holds, and the
	// lingering endpoints, as far as they may be dialed. It is nil before the first list.
	serving []discovery.Endpoint

	guard     lossGuard
	lingering lingering
	egress    egressFilter

	reported    bool // the source has reported a list or an error
	storedRead  bool // the read of its stored list has begun
	failing     bool // its latest report was an error without a list
	outage      outage
	lastSuccess time.Time
	lastError   string
	lastErrorAt time.Time
	dropped     []endpoint.DroppedEntry
	omitted     int // the number of dropped entries beyond those
}

// origin is where a list comes from.
type origin int

const (
	fromSource  origin = iota
	fromRoster         // the previous definition of the pool had it, so it was good a moment ago
	fromStorage        // it may be of any age
	fromPart           // it is only a part of the source's list
)

// applyAnswer applies an answer and reports whether the pool's list may have changed.
func (s *sourceState) applyAnswer(a discovery.Answer, now time.Time) (changed bool) {
	if len(a.Endpoints) > s.limit {
		a = discovery.Answer{Err: fmt.Errorf("the list %w", discovery.TooManyEndpoints(s.limit))}
	}
	s.reported, s.failing = true, a.Endpoints == nil
	if a.Err != nil {
		s.count.Errors.Add(1)
	}
	if a.Endpoints != nil {
		s.count.Lists.Add(1)
		s.lastSuccess = now
		s.recordDropped(a.Dropped, a.Omitted)
		s.applyList(s.egress.mark(sorted(a.Endpoints)), a.Authoritative, now)
	}
	switch {
	case a.Err != nil: // last, so that an answer with an error does not start the guard's timer
		s.recordError(a.Err, now)
	case a.Endpoints != nil:
		s.recordSuccess(now)
	}
	return s.updateServing()
}

// applyList accepts the list of an answer, or lets the guard hold it.
func (s *sourceState) applyList(list []discovery.Endpoint, authoritative bool, now time.Time) {
	wasHolding, before := s.guard.holding, union(s.list, s.guard.held)
	// A stored list may be so old that none of its endpoints is left, and a part says little about
	// the whole, so only an empty answer counts as a loss then.
	trusted := authoritative || !s.isCurrent() && len(list) > 0
	if trusted || s.guard.admit(s.list, list, now) {
		s.acceptList(list, authoritative, now)
		if wasHolding {
			s.log().Info("discovery: loss is over", zap.Int("endpoints", len(list)))
		}
		return
	}
	s.lingering.update(before, union(s.list, list), now)
	if !wasHolding {
		s.count.Held.Add(1)
		s.log().Warn("discovery: loss is held back until it is confirmed", zap.Int("endpoints", len(s.list)),
			zap.Int("lost", len(difference(s.list, list))), zap.Time("until", s.guard.nextDeadline()))
	}
}

// acceptList makes the list the last good one. Endpoints that it lacks linger, unless their removal
// is intended, or they were only in a stored list.
func (s *sourceState) acceptList(list []discovery.Endpoint, authoritative bool, now time.Time) {
	switch {
	case authoritative:
		s.lingering.clear()
	case s.isCurrent():
		s.lingering.update(union(s.list, s.guard.held), list, now)
	}
	s.guard.reset()
	unsaved := s.list == nil || s.origin == fromPart
	s.origin, s.authoritative = fromSource, authoritative
	if unsaved || !equal(s.list, list) {
		s.list = list
		s.onListChange(s)
	}
}

// restoreList uses a list of another origin until the source answers. It does nothing if the source
// has answered with a list already.
func (s *sourceState) restoreList(list []discovery.Endpoint, from origin, at time.Time) (changed bool) {
	if s.hasWholeList() || len(list) == 0 {
		return false
	}
	s.list, s.origin, s.lastSuccess = list, from, at
	s.onListChange(s)
	return s.updateServing()
}

// applyPart uses a part of a list while there is no whole one.
func (s *sourceState) applyPart(a discovery.Answer, otherList bool) (changed bool) {
	if otherList || s.hasWholeList() || len(a.Endpoints) == 0 {
		return false
	}
	s.recordDropped(a.Dropped, a.Omitted)
	if s.list == nil {
		s.log().Warn("discovery: incomplete list serves until the source answers",
			zap.Int("endpoints", len(a.Endpoints)))
	}
	s.list, s.origin = sorted(a.Endpoints), fromPart
	return s.updateServing()
}

// hasWholeList reports whether there is a list, of the source or of another origin, that is not
// only a part.
func (s *sourceState) hasWholeList() bool { return s.list != nil && s.origin != fromPart }

// isCurrent reports whether the list was whole a moment ago.
func (s *sourceState) isCurrent() bool { return s.origin == fromSource || s.origin == fromRoster }

// applyDeadlines confirms a held loss and ends the grace of lingering endpoints, if it is time, and
// reports whether the pool's list may have changed.
func (s *sourceState) applyDeadlines(now time.Time) (changed bool) {
	if !isDue(s.nextDeadline(), now) {
		return false
	}
	if isDue(s.guard.nextDeadline(), now) {
		s.log().Warn("discovery: loss is confirmed", zap.Int("endpoints", len(s.guard.held)),
			zap.Int("lost", len(difference(s.list, s.guard.held))))
		s.acceptList(s.guard.held, false, now)
	}
	s.lingering.expire(now)
	return s.updateServing()
}

// nextDeadline returns when applyDeadlines has something to do; zero if never.
func (s *sourceState) nextDeadline() time.Time {
	return earliest(s.guard.nextDeadline(), s.lingering.nextDeadline())
}

// updateServing renews serving and reports whether it changed. A first list is a change even if it
// is empty, because requests wait for it.
func (s *sourceState) updateServing() (changed bool) {
	before := s.serving
	s.serving = s.list
	if s.guard.holding {
		s.serving = union(s.guard.held, s.serving)
	}
	s.serving = s.permitted(union(s.serving, s.lingering.list()))
	return before == nil && s.serving != nil || !equal(before, s.serving)
}
