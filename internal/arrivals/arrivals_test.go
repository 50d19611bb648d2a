package arrivals

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"
	"testing/synctest"
	"time"
)

func TestArrivalsAreAPoissonProcess(t *testing.T) {
	// In a Poisson process the gaps are as long on average as they vary.
	var sum, squares float64
	n, last := 0.0, time.Duration(0)
	for at := range Poisson(rand.New(rand.NewPCG(1, 1)), 100) {
		if at >= 1000*time.Second {
			break
		}
		gap := (at - last).Seconds()
		n, sum, squares, last = n+1, sum+gap, squares+gap*gap, at
	}
	if n < 99_000 || n > 101_000 {
		t.Errorf("%g requests", n)
	}
	mean := sum / n
	deviation := math.Sqrt(squares/n - mean*mean)
	if ratio := deviation / mean; ratio < 0.98 || ratio > 1.02 {
		t.Errorf("the gaps vary by %g of their mean", ratio)
	}
}

func TestWaitingEndsWhenARequestIsDueOrItsContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if !Wait(t.Context(), start.Add(time.Second)) || time.Since(start) != time.Second {
			t.Errorf("waited for %s", time.Since(start))
		}
		if !Wait(t.Context(), start) || time.Since(start) != time.Second {
			t.Errorf("waited for a request that was overdue until %s", time.Since(start))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if Wait(ctx, start.Add(time.Hour)) || time.Since(start) != 2*time.Second {
			t.Errorf("waited for %s", time.Since(start))
		}
	})
}
