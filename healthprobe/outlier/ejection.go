package outlier

import (
	"math"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// ejectionTime is how long an endpoint stays out the nth time in a row. Those that were ejected together do not all
// come back at once: random, from 0 to 1, moves each by up to a tenth.
func (o *Detection) ejectionTime(times int, random float64) time.Duration {
	d := min(float64(o.BaseEjection)*float64(times), float64(o.MaxEjection))
	return time.Duration(d * (0.9 + 0.2*random))
}

// allowed is how many of n endpoints may be ejected at once. A share alone would allow none in small pools, which are
// most (Envoy's 10 % does nothing below ten endpoints).
func (o *Detection) allowed(n int) int {
	return max(1, int(math.Floor(float64(n)*o.MaxEjectedPercent/100)))
}

// mayEject reports whether e may leave its pool: not too many are out, and there is another one that is usable.
func (o *Detection) mayEject(e *endpoint.Endpoint, members []endpoint.Member) bool {
	out, another := 0, false
	for i := range members {
		m := &members[i]
		switch {
		case m.Endpoint == e:
		case m.Is(endpoint.Ejected | endpoint.HalfOpen):
			out++
		case m.Info.Serving() && m.Conditions() == 0:
			another = true
		}
	}
	return another && out < o.allowed(len(members))
}
