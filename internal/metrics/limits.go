package metrics

import "github.com/caddy-balance/caddy-balance/internal/limit"

var classLabels = labelsOf("class", limit.ClassCount, limit.Class.String)

// addLimits adds what the limits of a pool do, as far as it has any.
func (c *collection) addLimits() {
	limits := c.pool.Limits()
	settings := limits.Settings()
	if settings.Retries.On {
		c.add(poolRefusedRetries, float64(limits.Budget.Refused()), c.label)
	}
	if !settings.Gate.IsGated() {
		return
	}
	gate := &limits.Gate
	c.add(poolAdmitted, float64(gate.InFlight()), c.label)
	if settings.Gate.MaxInFlight > 0 {
		c.add(poolAdmittedLimit, float64(settings.Gate.MaxInFlight), c.label)
	}
	if settings.Gate.QueueLength > 0 {
		c.add(poolWaitingLimit, float64(settings.Gate.QueueLength), c.label)
	}
	for i := range limit.Class(limit.ClassCount) {
		c.add(poolWaiting, float64(gate.Waiting(i)), classLabels[i], c.label)
		c.add(poolShed, float64(gate.Shed(i)), classLabels[i], c.label)
	}
}
