package outlier

import (
	"math"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// ejectionTime returns the time of the nth ejection in a row. random, from 0 to 1, gives it a
// jitter of a tenth, so that endpoints which were ejected together do not come back together.
func (d *Detection) ejectionTime(n int, random float64) time.Duration {
	lasts := min(float64(d.BaseEjection)*float64(n), float64(d.MaxEjection))
	return time.Duration(lasts * (0.9 + 0.2*random))
}

// maxEjected returns how many of n endpoints may be ejected at once. At least one may be: a share
// alone allows none in small pools, which most pools are (Envoy's 10 % does nothing below ten
// endpoints).
func (d *Detection) maxEjected(n int) int {
	return max(1, int(math.Floor(float64(n)*d.MaxEjectedPercent/100)))
}

// mayEject reports whether e may be ejected: another endpoint is usable, and not too many are
// ejected already.
func (d *Detection) mayEject(e *endpoint.Endpoint, members []endpoint.Member) bool {
	ejected, otherUsable := 0, false
	for i := range members {
		m := &members[i]
		switch {
		case m.Endpoint == e:
		case m.Is(endpoint.Ejected | endpoint.HalfOpen):
			ejected++
		case m.Info.Serving() && m.Conditions() == 0:
			otherUsable = true
		}
	}
	return otherUsable && ejected < d.maxEjected(len(members))
}
