package attempt

import (
	"context"
	"net/http"
	"sync"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Attempt is one try of one request at one endpoint. It holds a place there from
// the pick until the response was read, the connection failed, or the request is
// over for any other reason, whichever comes first.
type Attempt struct {
	endpoint  *endpoint.Endpoint
	transport *Transport
	forget    func() bool // stops watching for the end of the request

	// A request can end while its round trip is under way, so the stages have a lock.
	// It is the attempt's own and nearly never contended.
	mu    sync.Mutex
	stage stage
	start endpoint.Instant

	body followedBody // here, so that it is no allocation of its own
}

type stage uint8

const (
	picked stage = iota
	waiting
	answered
	over
)

// begin takes over the place that was reserved for the request with this context.
func (a *Attempt) begin(ctx context.Context, t *Transport, e *endpoint.Endpoint) {
	a.endpoint, a.transport = e, t
	// The handler may give up between the pick and the round trip, or panic while the
	// response is open; the end of the request is the only sign of that.
	a.forget = context.AfterFunc(ctx, a.finish)
}

// roundTrip sends the request and follows it to the end of its response.
func (a *Attempt) roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	a.send(endpoint.Now())
	res, err := next.RoundTrip(a.timeBody(req))
	now := endpoint.Now()
	if err != nil {
		a.judge(now, judge(err, req.Context().Err() != nil, 0))
		a.end()
		return nil, err
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		a.answer() // holds its place until it closes, and says nothing about speed
	} else {
		a.judge(now, judge(nil, false, res.StatusCode))
	}
	a.followBody(res)
	return res, nil
}

func (a *Attempt) send(now endpoint.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage == picked {
		a.stage, a.start = waiting, now
		a.endpoint.Load.Begin(now)
	}
}

// pause takes time off the attempt in which it waited for the client, not the endpoint.
func (a *Attempt) pause(from, to endpoint.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage == waiting {
		start := a.start + to - max(from, a.start)
		a.endpoint.Load.Shift(a.start, start)
		a.start = start
	}
}

// answer ends the wait for the first byte, and reports when it began.
func (a *Attempt) answer() (start endpoint.Instant, waited bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage != waiting {
		return 0, false
	}
	a.stage = answered
	a.endpoint.Load.End(a.start)
	return a.start, true
}

// judge ends the wait and writes what it says into the endpoint's load.
func (a *Attempt) judge(now endpoint.Instant, o Outcome) {
	start, waited := a.answer()
	if !waited {
		return
	}
	load, latency, decay := &a.endpoint.Load, now.Sub(start), a.transport.Decay
	switch o {
	case Worked:
		load.Observe(now, latency, decay)
	case Failed:
		load.Fail(now, 1, decay)
		load.AtLeast(now, latency, decay)
	case SaysNothing:
		if !load.AtLeast(now, latency, decay) {
			// The first client that an endpoint keeps waiting is the first sign of how it is.
			load.Fail(now, min(1, float64(latency)/float64(a.transport.ErrorPenalty)), decay)
		}
	}
}

// end is finish for whoever is not the watcher of the request's end.
func (a *Attempt) end() {
	a.forget()
	a.finish()
}

// finish gives the place back, once.
func (a *Attempt) finish() {
	a.mu.Lock()
	last := a.stage
	a.mu.Unlock()
	if last == waiting {
		a.judge(endpoint.Now(), SaysNothing)
	}
	a.mu.Lock()
	last = a.stage
	a.stage = over
	a.mu.Unlock()
	if last != over {
		a.endpoint.Release()
	}
}
