package load

import "time"

// routeEvidence is the evidence that an endpoint fails at single things and does all others well. It
// has room for the routes that fail most.
type routeEvidence struct {
	alarmed bool // whether there may be an alarm
	routes  [4]struct {
		route *Route
		evidence
	}
}

// failed adds a failure. A route without evidence takes the place of the weakest.
func (e *routeEvidence) failed(r *Route, now Instant, nats float64, decay time.Duration) {
	place := &e.routes[0]
	for i := range e.routes {
		other := &e.routes[i]
		if other.route == r {
			place = other
			break
		}
		if other.left(now, decay) < place.left(now, decay) {
			place = other
		}
	}
	if place.route != r {
		place.route, place.evidence = r, evidence{}
	}
	place.add(now, nats, decay)
	e.alarmed = e.alarmed || place.alarms(now, decay) > 0
}

// answered adds an answer, if the route has failed before.
func (e *routeEvidence) answered(r *Route, now Instant, nats float64, decay time.Duration) {
	for i := range e.routes {
		if e.routes[i].route == r {
			e.routes[i].add(now, nats, decay)
		}
	}
}

// alarms returns how many alarms there are for a route.
func (e *routeEvidence) alarms(r *Route, now Instant, decay time.Duration) float64 {
	for i := range e.routes {
		if e.routes[i].route == r {
			return e.routes[i].evidence.alarms(now, decay)
		}
	}
	return 0
}

// any reports whether there is an alarm for any route.
func (e *routeEvidence) any(now Instant, decay time.Duration) bool {
	if !e.alarmed {
		return false
	}
	e.alarmed = false
	for i := range e.routes {
		e.alarmed = e.alarmed || e.routes[i].evidence.alarms(now, decay) > 0
	}
	return e.alarmed
}
