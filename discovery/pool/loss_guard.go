package pool

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// guard does not believe at once that all or nearly all endpoints of a source are gone: that is what a registry says
// that was restarted without its data, whose checks all time out, or that was asked with a wrong filter.
//
// Such a loss is held back until it was the answer for the whole grace. Answers count from one to the
// next: a source that only speaks on a change need not repeat itself, but an error in between stops the
// clock, and the next answer starts it anew. While it is held the missing endpoints stay, and what
// the answer has is taken.
//
// An answer that brings all of them back ends it. One that brings back some is held as well, and starts
// the clock anew: while services register again with a registry that forgot them, believing the
// first answer that is no longer too bad would leave the whole load to the few who were quickest.
type lossGuard struct {
	maxLoss float64 // in percent
	grace   time.Duration

	held    []listing.Info // the newest answer, if it is held back
	holding bool
	severe  bool      // the held answer lacks more than maxLoss
	least   int       // what was lost by the best answer since the clock started
	since   time.Time // when the clock started; zero if it is stopped
}

// judge reports whether a new answer may replace the list.
func (g *lossGuard) admits(list, answer []listing.Info, now time.Time) (believed bool) {
	lost := len(without(list, answer))
	severe := lost > 0 && (len(answer) == 0 || float64(lost)*100 > g.maxLoss*float64(len(list)))
	if lost == 0 || g.grace == 0 || !severe && !g.holding {
		return true
	}
	if !g.holding || g.since.IsZero() || lost < g.least || severe && !g.severe {
		g.since, g.least = now, lost
	}
	g.held, g.holding, g.severe = answer, true, severe
	return false
}

// interrupt stops the clock.
func (g *lossGuard) interrupt() { g.since = time.Time{} }

// until is when the held answer is to be believed; zero if the clock does not run.
func (g *lossGuard) until() time.Time {
	if !g.holding || g.since.IsZero() {
		return time.Time{}
	}
	return g.since.Add(g.grace)
}

// release forgets the held answer, because another one is believed or this one now is.
func (g *lossGuard) release() {
	*g = lossGuard{maxLoss: g.maxLoss, grace: g.grace}
}
