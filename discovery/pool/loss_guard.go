package pool

import (
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// lossGuard holds back a sudden loss of all or nearly all endpoints of a source. Registries report
// such a loss when they restart without their data, when all their checks time out, or when the
// filter of the source is wrong.
//
// The loss takes effect once it has been the answer for the whole grace. The timer runs from one
// answer to the next: a source that only reports changes need not repeat itself, but an error stops
// the timer, and the next answer restarts it. While the guard holds an answer, the missing
// endpoints stay and the endpoints of the answer join them.
//
// An answer that brings all of the missing endpoints back ends the loss. An answer that brings back
// some is held as well, and restarts the timer. While services register again with a registry that
// lost its data, accepting the first answer below the limit would leave the whole load to the few
// services that were quickest.
type lossGuard struct {
	maxLoss float64 // in percent
	grace   time.Duration

	held    []discovery.Endpoint // the newest answer, if it is held back
	holding bool
	severe  bool      // the held answer lacks more than maxLoss
	minLost int       // the smallest loss since the timer started, in endpoints
	since   time.Time // when the timer started; zero if it is stopped
}

// admit reports whether an answer may replace the list now. If not, the guard holds the answer.
func (g *lossGuard) admit(list, answer []discovery.Endpoint, now time.Time) (admitted bool) {
	lost := len(difference(list, answer))
	severe := lost > 0 && (len(answer) == 0 || float64(lost)*100 > g.maxLoss*float64(len(list)))
	if lost == 0 || g.grace == 0 || !severe && !g.holding {
		return true
	}
	if !g.holding || g.since.IsZero() || lost < g.minLost || severe && !g.severe {
		g.since, g.minLost = now, lost
	}
	g.held, g.holding, g.severe = answer, true, severe
	return false
}

// stopTimer makes the loss wait for another answer, because an error says nothing about endpoints.
func (g *lossGuard) stopTimer() { g.since = time.Time{} }

// nextDeadline returns when the held answer takes effect; zero if the timer does not run.
func (g *lossGuard) nextDeadline() time.Time {
	if !g.holding || g.since.IsZero() {
		return time.Time{}
	}
	return g.since.Add(g.grace)
}

// reset forgets the held answer, because that answer or another one has been accepted.
func (g *lossGuard) reset() {
	*g = lossGuard{maxLoss: g.maxLoss, grace: g.grace}
}
