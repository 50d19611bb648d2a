package endpoint

import (
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// AdaptsLimits reports whether the newest definition of the endpoint's pool has adaptive limits.
func (e *Endpoint) AdaptsLimits() bool { return e.pool.limits.Adaptive() != nil }

// AdaptToRequest lets the adaptive limit know that a request was sent, with how many the endpoint
// works on then.
func (e *Endpoint) AdaptToRequest(now load.Instant, crowd int) {
	if e.AdaptsLimits() {
		e.adaptive.Load().Sent(now, crowd)
	}
}

// AdaptToAnswer lets the adaptive limit learn from a request of a route. timedOut says that there
// was no answer in that time.
func (e *Endpoint) AdaptToAnswer(now load.Instant, c *load.Comparison, route *load.Route, timedOut bool) {
	s := e.pool.limits.Adaptive()
	if s == nil {
		return
	}
	answer := limit.Answer{
		Sent: c.Sent, Latency: c.Latency.Seconds(), Crowd: c.Crowd, CrowdAtEnd: c.CrowdAtEnd, TimedOut: timedOut,
	}
	answer.Unloaded, answer.Square = route.Unloaded()
	own := e.adaptiveLimit().Observe(s, now, &answer)
	if table := e.pool.routes; table != nil && !timedOut {
		table.ObserveUnloaded(route, now, c, own)
	}
}

// AdaptToTime makes time pass for the adaptive limit, when a request is over that says nothing.
func (e *Endpoint) AdaptToTime(now load.Instant) {
	s, a := e.pool.limits.Adaptive(), e.adaptive.Load()
	if s != nil && a != nil {
		a.Tick(s, now)
	}
}

// adaptiveLimit returns the adaptive limit of the endpoint, which its first answer makes.
func (e *Endpoint) adaptiveLimit() *limit.Adaptive {
	if a := e.adaptive.Load(); a != nil {
		return a
	}
	e.adaptive.CompareAndSwap(nil, new(limit.Adaptive))
	return e.adaptive.Load()
}

// AdaptiveLimit returns the limit of the requests that the endpoint works on at once, by settings;
// 0 while there is none. Nil settings are for a pool without such limits.
func (m *Member) AdaptiveLimit(s *limit.AdaptiveSettings) int {
	if s == nil {
		return 0
	}
	return m.Limited(m.adaptive.Load().Limit(s))
}

// MostRequests returns the limit of requests in flight, 0 for none: MaxRequests, or the adaptive
// limit if that is less. Requests that are no work for the endpoint are beside the latter.
func (m *Member) MostRequests(s *limit.AdaptiveSettings) int {
	most := int(m.MaxRequests)
	if n := m.AdaptiveLimit(s); n > 0 {
		if n += m.Load.Idle(); most == 0 || n < most {
			return n
		}
	}
	return most
}
