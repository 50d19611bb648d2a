package metrics

import (
	"sync"

	"github.com/caddyserver/caddy/v2"
	dto "github.com/prometheus/client_model/go"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// addMembers adds the endpoints that the newest definition of a pool lists.
func (c *collection) addMembers(r *endpoint.Roster) {
	s := r.Snapshot()
	usual, known := 0., false
	if routes := c.pool.Routes(); routes != nil {
		usual, known = routes.Usual()
	}
	for i := range s.Members {
		m := &s.Members[i]
		base := c.labelsOf(m.Endpoint)
		c.addEndpoint(m.Endpoint, base)
		c.add(endpointState, 1, base[0], base[1], stateLabels[r.State(m)])
		c.add(endpointConfiguredWeight, float64(m.Info.Weight), base...)
		c.add(endpointEffectiveWeight, s.EffectiveWeight(m), base...)
		if report, _ := m.LatestReport(c.now); report != nil {
			c.add(endpointUtilization, report.Utilization, base...)
		}
		if n := m.AdaptiveLimit(c.pool.Limits().Adaptive()); n > 0 {
			c.add(endpointAdaptiveLimit, float64(n), base...)
		}
		if relative, ok := m.Load.Expected(c.now); ok && known {
			c.add(endpointExpected, relative*usual, base...)
		}
	}
}

// tooManyStatic makes the log line about static upstreams one of the process.
var tooManyStatic sync.Once

// addUnlisted adds the static upstreams that are in use. Those of all configs are one pool.
func (c *collection) addUnlisted() {
	listed := c.pool.Listed()
	if n := len(listed); n > maxEndpoints {
		tooManyStatic.Do(func() { logTooMany(caddy.Log().Named("metrics"), "", n) })
		return
	}
	for _, e := range listed {
		if e.Picks() > 0 {
			c.addEndpoint(e, c.labelsOf(e))
		}
	}
}

// labelsOf returns the labels that all series of an endpoint have.
func (c *collection) labelsOf(e *endpoint.Endpoint) []*dto.LabelPair {
	return []*dto.LabelPair{label("endpoint", e.Address()), c.label}
}

// addEndpoint adds what is known of an endpoint whatever lists it. Of the counters that have many
// reasons, only those have series that have counted something.
func (c *collection) addEndpoint(e *endpoint.Endpoint, base []*dto.LabelPair) {
	first := &times{metric: endpointFirstByte, values: base}
	totals := endpoint.Totals{}
	e.AddTotals(&totals)
	first.Times = totals.FirstByte
	c.out <- first
	for i, n := range totals.Endings {
		if n > 0 || endpoint.Ending(i) == endpoint.Answered {
			c.add(endpointAttempts, float64(n), base[0], outcomeLabels[i], base[1], endingLabels[i])
		}
	}
	for i, n := range totals.Ejections {
		if n > 0 {
			c.add(endpointEjections, float64(n), base[0], base[1], causeLabels[i])
		}
	}
	c.addChecks(&totals, base)
	parked := e.Load.Parked()
	c.add(endpointInFlight, float64(parked), base[0], parkedLabel, base[1])
	c.add(endpointInFlight, float64(max(0, e.InFlight()-parked)), base[0], workingLabel, base[1])
	c.add(endpointPicks, float64(totals.Picks), base...)
	c.add(endpointBroken, float64(totals.Broken), base...)
	if relative, ok := e.Load.Expected(c.now); ok {
		c.add(endpointRelative, relative, base...)
	}
}

func (c *collection) addChecks(t *endpoint.Totals, base []*dto.LabelPair) {
	var count uint64
	for i, n := range t.Checks {
		if count += n; n > 0 {
			c.add(endpointChecks, float64(n), base[0], base[1], resultLabels[i])
		}
	}
	if count > 0 {
		c.out <- &durations{endpointCheckDuration, base, count, t.CheckTime.Seconds()}
	}
}
