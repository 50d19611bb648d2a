// Package arrivals says when requests are sent: at times that do not depend on the answers, as
// those of many independent clients.
package arrivals

import (
	"context"
	"iter"
	"math/rand/v2"
	"time"
)

// Poisson returns the times of the arrivals of a Poisson process, whose mean rate is per second. It
// has no end.
func Poisson(rng *rand.Rand, rate float64) iter.Seq[time.Duration] {
	return func(yield func(time.Duration) bool) {
		interval := float64(time.Second) / rate
		for at := rng.ExpFloat64() * interval; yield(time.Duration(at)); {
			at += rng.ExpFloat64() * interval
		}
	}
}

// Wait waits until a request is due. It reports whether the context has not ended.
func Wait(ctx context.Context, due time.Time) bool {
	Sleep(ctx, time.Until(due))
	return ctx.Err() == nil
}

// Sleep waits for a time, or until the context ends.
func Sleep(ctx context.Context, d time.Duration) {
	select {
	case <-time.After(d):
	case <-ctx.Done():
	}
}
