package pool

import (
	"cmp"
	"fmt"
	"regexp"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// LimitOptions bound the HTTP requests of a pool as a whole, over all of its handlers. Layer 4 has
// none of them.
type LimitOptions struct {
	// The maximum number of requests in flight, from 1 to 1000000. What is beyond it waits in the
	// queue, or gets the status 503 at once if there is none. A request counts until its response
	// was read. An upgraded connection, such as a websocket, counts until it is closed; give those
	// a pool of their own. Default: no maximum.
	MaxInFlight *int `json:"max_in_flight,omitempty"`

	// What becomes of requests beyond `max_in_flight`, and of those that come while all endpoints
	// have as many requests as their `max_requests` allows. Default: no queue.
	Queue *Queue `json:"queue,omitempty"`

	// The maximum share of retries. Default: retries are as many as the reverse proxy is told to
	// make.
	RetryBudget *RetryBudget `json:"retry_budget,omitempty"`

	// The pause before a request is sent to an endpoint again that it has tried, because there is
	// no other. Default: the pause that the reverse proxy is told to make.
	RetryBackoff *RetryBackoff `json:"retry_backoff,omitempty"`

	// A limit of the requests at each endpoint that follows how fast it answers. It counts beside
	// `max_requests`; the smaller one holds. Default: no such limit.
	AdaptiveLimit *AdaptiveLimit `json:"adaptive_limit,omitempty"`

	// What a header `Retry-After` of an endpoint means. Default: nothing to the pool.
	RetryAfter *RetryAfter `json:"retry_after,omitempty"`
}

// Queue lets requests wait for a place. Those of a higher class go first, and within a class those
// that came first. A place that becomes free goes to the head of the queue. A client that goes away
// leaves it. A request that finds the queue full, or has waited too long, gets the status 503 with
// a header `Retry-After`, and is not retried.
type Queue struct {
	// The maximum number of requests that wait, from 1 to 1000000. Required.
	Length int `json:"length"`

	// The maximum time that a request waits. The minimum is 1ms. Default: 2s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// What says how important a request is, such as `{http.request.header.X-Priority}`:
	// `critical`, `sheddable`, or `normal`, which is also every other text. In a full queue, a
	// request makes room for one of a higher class. Remove such a header from what clients send, or
	// each of them is critical. Default: all requests are alike.
	Class string `json:"class,omitempty"`
}

const (
	maxPlaces           = 1_000_000
	defaultQueueTimeout = caddy.Duration(2 * time.Second)
)

// UnmarshalJSON refuses zeros that would become defaults.
func (q *Queue) UnmarshalJSON(data []byte) error {
	type fields Queue
	return options.Decode(data, (*fields)(q), "timeout")
}

func (q *Queue) timeout() caddy.Duration { return cmp.Or(q.Timeout, defaultQueueTimeout) }

func (o *LimitOptions) isGated() bool { return o.MaxInFlight != nil || o.Queue != nil }

// options are the options of the pool's block that bound its requests.
func (o *LimitOptions) options() []caddyfile.Param {
	var queue Queue
	return []caddyfile.Param{
		caddyfile.Pointer(places, "max_in_flight", &o.MaxInFlight),
		caddyfile.LineInto("queue", &o.Queue, &queue,
			places("length", &queue.Length),
			caddyfile.Optional(caddyfile.DurationFrom("timeout", &queue.Timeout, options.MinDuration)),
			caddyfile.Block(caddyfile.String("class", &queue.Class))),
		o.retryBudgetOption(),
		o.retryBackoffOption(),
		o.retryAfterOption(),
		o.adaptiveLimitOption(),
	}
}

func places(name string, into *int) caddyfile.Param { return caddyfile.Int(name, into, 1, maxPlaces) }

// check checks the settings.
func (o *LimitOptions) check() error {
	return cmp.Or(o.checkGate(), o.checkRetryBudget(), o.checkRetryBackoff(), o.checkRetryAfter(),
		o.checkAdaptiveLimit())
}

func (o *LimitOptions) checkGate() error {
	if o.Queue == nil {
		return checkPlaces("max_in_flight", o.MaxInFlight)
	}
	return cmp.Or(
		checkPlaces("max_in_flight", o.MaxInFlight),
		options.AtLeast("queue: timeout", o.Queue.timeout(), options.MinDuration),
		o.Queue.checkLength(),
		o.Queue.checkClass(),
	)
}

func (q *Queue) checkLength() error {
	if q.Length == 0 {
		return fmt.Errorf("queue: length: is missing or 0; expected a number from 1 to %d", maxPlaces)
	}
	return checkPlaces("queue: length", &q.Length)
}

// placeholder is a placeholder in a text.
var placeholder = regexp.MustCompile(`(^|[^\\])\{[^{}]+\}`)

func (q *Queue) checkClass() error {
	if q.Class == "" || placeholder.MatchString(q.Class) {
		return nil
	}
	return fmt.Errorf("queue: class: %q has no placeholder, so all requests would be of one class; "+
		"expected one such as {http.request.header.X-Priority}", q.Class)
}

// checkPlaces returns an error if a number of requests is given that is too small or too large.
func checkPlaces(name string, n *int) error {
	if n == nil || 1 <= *n && *n <= maxPlaces {
		return nil
	}
	return fmt.Errorf("%s: %d is not a number from 1 to %d", name, *n, maxPlaces)
}

// settings returns the numbers of the limits.
func (o *LimitOptions) settings() (s limit.Settings) {
	s.Retries = o.retrySettings()
	s.Adaptive = o.adaptiveSettings()
	s.Gate.MaxInFlight = valueOr(o.MaxInFlight, 0)
	if o.Queue != nil {
		s.Gate.QueueLength, s.Gate.QueueTimeout = o.Queue.Length, time.Duration(o.Queue.timeout())
		s.Class = o.Queue.Class
	}
	return s
}
