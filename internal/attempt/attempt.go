package attempt

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
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
	start load.Instant

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
	a.send(load.Now())
	res, err := next.RoundTrip(a.timeBody(req))
	now := load.Now()
	if err != nil {
		gone := req.Context().Err() != nil
		a.judge(now, judge(err, gone, 0), endpoint.Result{Failed: !gone})
		a.end()
		return nil, err
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		// It holds its place until it closes, and says nothing about speed.
		if from, _ := a.advance(answered); from == waiting {
			a.endpoint.Observe(endpoint.Result{Status: res.StatusCode})
		}
	} else {
		a.judge(now, judge(nil, false, res.StatusCode), endpoint.Result{Status: res.StatusCode})
	}
	a.followBody(res)
	return res, nil
}

func (a *Attempt) send(now load.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage == picked {
		a.stage, a.start = waiting, now
		a.endpoint.Load.Begin(now)
	}
}

// pause takes time off the attempt in which it waited for the client, not the endpoint.
func (a *Attempt) pause(from, to load.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage == waiting {
		start := a.start + to - max(from, a.start)
		a.endpoint.Load.Shift(a.start, start)
		a.start = start
	}
}

// advance goes on to a stage, and reports which one it was in and since when it waited.
// Leaving one and entering the next is one step, or a request that ends just as it is sent
// would be counted as waiting forever.
func (a *Attempt) advance(to stage) (from stage, start load.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	from = a.stage
	if from == waiting {
		a.endpoint.Load.End(a.start)
	}
	a.stage = max(from, to)
	return from, a.start
}

// judge ends the wait, writes what it says into the endpoint's load, and tells who judges endpoints.
func (a *Attempt) judge(now load.Instant, o Outcome, r endpoint.Result) {
	if from, start := a.advance(answered); from == waiting {
		r.Latency = now.Sub(start)
		a.record(o, now, r.Latency)
		if r.Failed || r.Status > 0 {
			a.endpoint.Observe(r)
		}
	}
}

func (a *Attempt) record(o Outcome, now load.Instant, latency time.Duration) {
	load, decay := &a.endpoint.Load, a.transport.Decay
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
	from, start := a.advance(over)
	if from == waiting {
		now := load.Now()
		a.record(SaysNothing, now, now.Sub(start))
	}
	if from != over {
		a.endpoint.Release()
	}
}
