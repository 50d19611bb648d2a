package load

import "time"

// routeEvidence is the evidence that an endpoint fails at single things and does all others well.
// It has room for the routes that fail most.
type routeEvidence [4]struct {
	route *Route
	evidence
}

// failed adds a failure, and returns the instant until which there is an alarm for any route. A
// route without evidence takes the place of the weakest.
func (e *routeEvidence) failed(r *Route, now Instant, nats float64, decay time.Duration) Instant {
	place := &e[0]
	for i := range e {
		if e[i].route == r {
			place = &e[i]
			break
		}
		if e[i].left(now, decay) < place.left(now, decay) {
			place = &e[i]
		}
	}
	if place.route != r {
		place.route, place.evidence = r, evidence{}
	}
	place.add(now, nats, decay)
	return e.until(decay)
}

// answered adds an answer, and reports whether there was evidence for the route.
func (e *routeEvidence) answered(r *Route, now Instant, nats float64, decay time.Duration) bool {
	for i := range e {
		if e[i].route == r && e[i].nats > 0 {
			e[i].add(now, nats, decay)
			return true
		}
	}
	return false
}

// any reports whether there is evidence for any route.
func (e *routeEvidence) any() bool {
	for i := range e {
		if e[i].nats > 0 {
			return true
		}
	}
	return false
}

var noEvidence evidence // is never written

// of returns the evidence for a route. It must not be changed.
func (e *routeEvidence) of(r *Route) *evidence {
	for i := range e {
		if e[i].route == r {
			return &e[i].evidence
		}
	}
	return &noEvidence
}

// until returns the instant until which there is an alarm for any route.
func (e *routeEvidence) until(decay time.Duration) (until Instant) {
	for i := range e {
		until = max(until, e[i].evidence.until(decay))
	}
	return until
}
