package pool

import (
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// follower is what a pool knows of one source: its last good list, and what it makes of each answer.
// It has no goroutine and no clock; the membership that owns it calls its methods one at a time.
type sourceState struct {
	ref sourceRef
	log func() *zap.Logger

	list         []listing.Info     // the last good one; nil before the first
	origin       origin             // of list
	final        bool               // list was an answer that is final
	onListChange func(*sourceState) // called when list changes

	serving []listing.Info // what it adds to the pool; nil before the first list

	guard     lossGuard
	lingering lingering

	answered    bool // it said something
	storedRead  bool // its stored list was looked for
	failing     bool // the last it said was an error without a list
	outage      outage
	lastSuccess time.Time
	lastError   string
	lastErrorAt time.Time
	dropped     []endpoint.DroppedEntry
}

// origin is where a list is from.
type origin int

const (
	fromSource  origin = iota
	fromRoster         // of the definition before, so it was good a moment ago
	fromStorage        // of who knows when
)

// take makes of an answer what is to be made of it, and reports whether the pool's list may change.
func (f *sourceState) takeAnswer(a discovery.Answer, now time.Time) (changed bool) {
	f.answered, f.failing = true, a.Endpoints == nil
	if a.Endpoints != nil {
		f.lastSuccess = now
		f.drop(a.Dropped)
		f.checkLoss(sorted(a.Endpoints), a.Authoritative, now)
	}
	switch {
	case a.Err != nil: // last, so that an answer with an error does not start the guard's clock
		f.fail(a.Err, now)
	case a.Endpoints != nil:
		f.recover(now)
	}
	return f.refreshServing()
}

func (f *sourceState) checkLoss(answer []listing.Info, final bool, now time.Time) {
	held := f.guard.holding
	// A stored list may be so old that nothing of it is left, so only an empty answer is held against it.
	trusted := final || f.origin == fromStorage && len(answer) > 0
	switch believed := trusted || f.guard.admits(f.list, answer, now); {
	case believed:
		f.accept(answer, final, now)
		if held {
			f.log().Info("discovery: the loss is over", zap.Int("endpoints", len(answer)))
		}
	case !held:
		f.log().Warn("discovery: a loss is not believed at once; the endpoints stay until it is confirmed",
			zap.Int("endpoints", len(f.list)), zap.Int("lost", len(without(f.list, answer))), zap.Time("until", f.guard.until()))
	}
}

func (f *sourceState) accept(list []listing.Info, final bool, now time.Time) {
	switch {
	case final:
		f.lingering.clear()
	case f.origin != fromStorage:
		f.lingering.update(f.list, list, now)
	}
	f.guard.release()
	f.origin, f.final = fromSource, final
	if f.list == nil || !same(f.list, list) {
		f.list = list
		f.onListChange(f)
	}
}

// restore takes a list that is not from the source itself, unless that was quicker.
func (f *sourceState) restore(list []listing.Info, from origin, at time.Time) (changed bool) {
	if f.list != nil || len(list) == 0 {
		return false
	}
	f.list, f.origin, f.lastSuccess = list, from, at
	f.onListChange(f)
	return f.refreshServing()
}

// pass does what is due by itself.
func (f *sourceState) expire(now time.Time) (changed bool) {
	if !isDue(f.nextDeadline(), now) {
		return false
	}
	if isDue(f.guard.until(), now) {
		f.log().Warn("discovery: the loss is confirmed", zap.Int("endpoints", len(f.guard.held)),
			zap.Int("lost", len(without(f.list, f.guard.held))))
		f.accept(f.guard.held, false, now)
	}
	f.lingering.expire(now)
	return f.refreshServing()
}

// due is when pass has something to do; zero if never.
func (f *sourceState) nextDeadline() time.Time {
	return earliest(f.guard.until(), f.lingering.nextDeadline())
}

// settle renews what the source adds to the pool, and reports whether that changed. A first list that is
// empty is a change, since requests wait for it.
func (f *sourceState) refreshServing() (changed bool) {
	before := f.serving
	f.serving = f.list
	if f.guard.holding {
		f.serving = union(f.guard.held, f.serving)
	}
	f.serving = union(f.serving, f.lingering.list())
	return before == nil && f.serving != nil || !same(before, f.serving)
}
