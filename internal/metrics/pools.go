package metrics

import (
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

var (
	outcomeLabels = labelsOf("outcome", endpoint.EndingCount, endpoint.Ending.Outcome)
	endingLabels  = labelsOf("reason", endpoint.EndingCount, endpoint.Ending.Reason)
	causeLabels   = labelsOf("reason", endpoint.EjectionCauseCount, endpoint.EjectionCause.String)
	resultLabels  = labelsOf("result", endpoint.CheckResultCount, endpoint.CheckResult.String)
	hedgeLabels   = labelsOf("result", endpoint.HedgeResultCount, endpoint.HedgeResult.String)
	reportLabels  = labelsOf("result", endpoint.ReportResultCount, endpoint.ReportResult.String)
	reasonLabels  = labelsOf("reason", endpoint.PickReasonCount, endpoint.PickReason.String)
	stateLabels   = labelsOf("state", endpoint.StateCount, endpoint.State.String)

	untriedLabel, triedLabel  = label("endpoint", "untried"), label("endpoint", "tried")
	workingLabel, parkedLabel = label("kind", "working"), label("kind", "parked")
)

// addRoster adds what follows from the list of a pool.
func (c *collection) addRoster(r *endpoint.Roster) {
	s := r.Snapshot()
	var states [endpoint.StateCount]int
	for i := range s.Members {
		states[r.State(&s.Members[i])]++
	}
	for state, n := range states {
		c.add(poolEndpoints, float64(n), c.label, stateLabels[state])
	}
	if n := len(s.Members); n > 0 {
		c.add(poolUsable, float64(states[endpoint.StateHealthy])/float64(n), c.label)
	} else {
		c.add(poolUsable, 0, c.label)
	}
	c.add(poolFailOpen, boolean(s.Mode == endpoint.Open), c.label)
	c.addGroups(r)
}

// addGroups adds the groups of the list. Of those with the same name, the first one counts.
func (c *collection) addGroups(r *endpoint.Roster) {
	named := make(map[string]bool)
	groups := r.Groups()
	if len(groups) > 0 {
		c.add(poolUngrouped, float64(r.Ungrouped()), c.label)
	}
	for _, g := range groups {
		if named[g.Name] {
			continue
		}
		named[g.Name] = true
		group := label("group", g.Name)
		c.add(poolGroupShare, g.Share/100, group, c.label)
		c.add(poolGroupPicks, float64(g.Picks), group, c.label)
	}
}

// addTraffic adds what has happened at all endpoints of a pool.
func (c *collection) addTraffic() {
	c.add(poolInFlight, float64(c.pool.InFlight()), c.label)
	for i, n := range c.totals.Endings {
		c.add(poolAttempts, float64(n), outcomeLabels[i], c.label, endingLabels[i])
	}
	c.out <- &times{poolFirstByte, []*dto.LabelPair{c.label}, c.totals.FirstByte}
	for _, p := range c.pool.Picks() {
		policy := label("policy", p.Policy)
		for i := range reasonLabels {
			c.add(poolPicks, float64(p.Count(endpoint.PickReason(i))), policy, c.label, reasonLabels[i])
		}
	}
	c.add(poolUnserved, float64(c.pool.Unserved()), c.label)
	untried, tried := c.pool.Retries()
	c.add(poolRetries, float64(untried), untriedLabel, c.label)
	c.add(poolRetries, float64(tried), triedLabel, c.label)
	c.addLimits()
	for i, n := range c.totals.Ejections {
		c.add(poolEjections, float64(n), c.label, causeLabels[i])
		observed := c.pool.ObservedEjections(endpoint.EjectionCause(i))
		c.add(poolObservedEjections, float64(observed), c.label, causeLabels[i])
	}
	for i := range hedgeLabels {
		c.add(poolHedges, float64(c.pool.Hedges(endpoint.HedgeResult(i))), c.label, hedgeLabels[i])
	}
	if c.pool.TakesReports() {
		for i := range reportLabels {
			c.add(poolReports, float64(c.pool.Reports(endpoint.ReportResult(i))), c.label, reportLabels[i])
		}
	}
	for i, n := range c.totals.Checks {
		c.add(poolChecks, float64(n), c.label, resultLabels[i])
	}
}

// logTooMany says why there are no metrics of each endpoint.
func logTooMany(log *zap.Logger, pool string, n int) {
	log.Info("pool has too many endpoints for metrics of each",
		zap.String("pool", pool), zap.Int("endpoints", n), zap.Int("limit", maxEndpoints))
}

func boolean(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
