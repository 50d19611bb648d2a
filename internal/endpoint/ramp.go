package endpoint

import "time"

const (
	// rampFloor is what an endpoint gets from the start: less would leave it without any request for long, and then
	// send it several at once (Envoy's number, after the same experience).
	rampFloor = 0.1
	// rampSteps is in how many steps the shares rise. Each means new tables; HAProxy has as many.
	rampSteps = 20
)

// ramp is the part of its share that an endpoint gets some time after it began to serve: linear in time,
// as Envoy's curve is with its default aggression of 1.
func ramp(elapsed, window time.Duration) float64 {
	if window <= 0 || elapsed >= window {
		return 1
	}
	return max(rampFloor, float64(max(elapsed, 0))/float64(window))
}

// rampStep is how long a step of the ramp lasts.
func rampStep(window time.Duration) time.Duration {
	return max(window/rampSteps, 100*time.Millisecond)
}
