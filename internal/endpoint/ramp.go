package endpoint

import "time"

const (
	// rampFloor is the part of its share that an endpoint gets from the start. A smaller part would
	// leave it without any request for long, and then send it several at once (Envoy uses the same
	// number, after the same experience).
	rampFloor = 0.1

	// rampSteps is the number of steps in which a share rises. Each step rebuilds the tables of all
	// policies; HAProxy uses as many.
	rampSteps = 20
)

// ramp returns the part of its share that an endpoint gets some time after it began to serve. It is
// linear in time, as Envoy's curve is with its default aggression of 1.
func ramp(elapsed, window time.Duration) float64 {
	if window <= 0 || elapsed >= window {
		return 1
	}
	return max(rampFloor, float64(max(elapsed, 0))/float64(window))
}

// rampStep returns how long one step of the ramp lasts.
func rampStep(window time.Duration) time.Duration {
	return max(window/rampSteps, 100*time.Millisecond)
}
