package attempt

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Attempt is one try of one request at one endpoint. It holds a place there from the pick until the
// response was read, the connection failed, or the request ended for any other reason, whichever
// comes first.
type Attempt struct {
	endpoint  *endpoint.Endpoint
	transport *Transport
	unwatch   func() bool    // stops watching for the end of the request
	trial     endpoint.Trial // of a half-open endpoint, 0 for any other attempt

	// A request can end while its round trip is under way, so the stages have a lock. It belongs to
	// one attempt and is hardly ever contended.
	mu    sync.Mutex
	stage stage
	start load.Instant

	upload    upload
	keptBroke bool // the last round trip failed because a kept connection broke as it was used

	body trackedBody // a field, so that it needs no allocation of its own
}

// stage is how far an attempt has come. Stages only advance.
type stage uint8

const (
	picked   stage = iota // the endpoint is picked, and nothing is sent
	waiting               // the request waits for the first byte of its response
	answered              // the outcome is known, and the response is being read
	ended                 // the place was given back
)

// begin takes over the place that was reserved for the request with this context.
func (a *Attempt) begin(ctx context.Context, t *Transport, e *endpoint.Endpoint) {
	a.endpoint, a.transport = e, t
	// The handler may give up between the pick and the round trip, or panic while the response is
	// open. The end of the request's context is the only sign of that.
	a.unwatch = context.AfterFunc(ctx, a.finish)
}

// roundTrip sends the request and follows it to the end of its response.
func (a *Attempt) roundTrip(req *http.Request, next http.RoundTripper) (*http.Response, error) {
	a.markSent(load.Now())
	res, err := a.send(req, next)
	now := load.Now()
	if err != nil {
		excused := req.Context().Err() != nil || a.keptBroke || a.clientIsToBlame(now) ||
			a.mayHaveAnswered(req, err)
		a.conclude(now, outcomeOf(err, excused, 0), endpoint.Result{Failed: !excused})
		a.end()
		return nil, err
	}
	if res.StatusCode == http.StatusSwitchingProtocols {
		// An upgraded connection holds its place until it closes, and says nothing about speed.
		if from, _ := a.advance(answered); from == waiting {
			a.observe(endpoint.Result{Status: res.StatusCode})
		}
	} else if a.clientIsToBlame(now) {
		a.concludeUntimed(now, res.StatusCode)
	} else {
		a.ignoreRead()
		a.conclude(now, outcomeOf(nil, false, res.StatusCode), endpoint.Result{Status: res.StatusCode})
	}
	a.endpoint.EndTrial(a.trial)
	a.trackBody(res)
	return res, nil
}

// observe passes the result to the outlier detector.
func (a *Attempt) observe(r endpoint.Result) {
	r.Trial = a.trial != 0
	a.endpoint.Observe(r)
}

func (a *Attempt) markSent(now load.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage == picked {
		a.stage, a.start = waiting, now
		a.endpoint.Load.Begin(now)
	}
}

// advance moves on to a stage, and returns the stage before and the start of the wait. Both happen
// in one step. Otherwise a request that ends just when it is sent would count as waiting forever.
func (a *Attempt) advance(to stage) (from stage, start load.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	from = a.stage
	if from == waiting {
		a.endWait()
	}
	a.stage = max(from, to)
	return from, a.start
}

// conclude ends the wait, records the outcome in the endpoint's load, and passes the result to the
// outlier detector.
func (a *Attempt) conclude(now load.Instant, o Outcome, r endpoint.Result) {
	if from, start := a.advance(answered); from == waiting {
		r.Latency = now.Sub(start)
		a.record(o, now, r.Latency)
		if r.Failed || r.Status > 0 {
			a.observe(r)
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
			// There is no estimate yet, so a client that gave up is the first sign of a slow
			// endpoint.
			load.Fail(now, min(1, float64(latency)/float64(a.transport.ErrorPenalty)), decay)
		}
	}
}

// end finishes the attempt before its request ends.
func (a *Attempt) end() {
	a.unwatch()
	a.finish()
}

// finish gives the place back. Only the first call has an effect.
func (a *Attempt) finish() {
	from, start := a.advance(ended)
	if from == waiting {
		now := load.Now()
		a.record(SaysNothing, now, now.Sub(start))
	}
	if from != ended {
		a.endpoint.EndTrial(a.trial)
		a.endpoint.Release()
	}
}
