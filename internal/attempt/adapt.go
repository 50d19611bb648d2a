package attempt

import (
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// adapt lets the adaptive limit of the endpoint learn from the outcome of the attempt.
//
// Errors say nothing of it, because most have to do with something else than the number of
// requests. A timeout says that the answer takes longer than that. So does a client that goes away,
// if it has waited for long: under an overload, many do.
func (a *Attempt) adapt(now load.Instant, o Outcome, end endpoint.Ending, c *load.Comparison) {
	if !a.endpoint.AdaptsLimits() {
		return
	}
	timedOut := end == endpoint.FailedTimeout || end == endpoint.ClientLeft
	if a.route.Parked || o != Worked && !timedOut {
		a.endpoint.AdaptToTime(now)
	} else {
		a.endpoint.AdaptToAnswer(now, c, a.route.Route, timedOut)
	}
}

// freed tells the pool that the endpoint may have room for another request, because adaptive limits
// do not count this one any more: its answer is read, its client sends it, or it is parked.
func (a *Attempt) freed() {
	if a.endpoint.AdaptsLimits() {
		a.place.Freed()
	}
}
