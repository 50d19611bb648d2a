package attempt

import (
	"context"
	"net/http"
	"sync"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Attempt is one try of one request at one endpoint. It holds a place there from the pick until the
// response was read, the connection failed, or the request ended for any other reason, whichever
// comes first.
type Attempt struct {
	endpoint  *endpoint.Endpoint
	transport *Transport
	unwatch   func() bool      // stops watching for the end of the request
	trial     endpoint.Trial   // of a half-open endpoint, 0 for any other attempt
	others    *RequestAttempts // of the same request; nil for the first attempt
	place     *limit.Place     // of the request in its pool; nil if the pool has no limit

	// A request can end while its round trip is under way, so the stages have a lock. It belongs to
	// one attempt and is hardly ever contended.
	mu        sync.Mutex
	stage     stage
	ending    endpoint.Ending // of an attempt that was answered
	again     bool            // the request was at the endpoint before
	lost      bool            // another attempt of the request was answered first
	reason    endpoint.PickReason
	keptBroke bool      // the last round trip failed because a kept connection broke as it was used
	role      *followed // nil if it does not end when the endpoint loses its role
	status    int       // of the answer
	times     times
	load      load.Request
	route     Route
	upload    upload

	reporting *http.Response // its trailer may have a load report; nil if none is looked for
	call      *http.Response // of a call of gRPC; nil otherwise

	change Change // that waits for the answer; nil if there is none

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
func (a *Attempt) begin(ctx context.Context, t *Transport, e *endpoint.Endpoint, r Route) {
	a.endpoint, a.transport, a.route = e, t, r
	// The handler may give up between the pick and the round trip, or panic while the response is
	// open. The end of the request's context is the only sign of that.
	a.unwatch = context.AfterFunc(ctx, a.finish)
}

// roundTrip sends the request and follows it to the end of its response.
func (a *Attempt) roundTrip(
	req *http.Request, next http.RoundTripper, began load.Instant,
) (*http.Response, error) {
	a.markSent(began)
	req = a.followRole(req)
	a.hideEarlyReports(req)
	res, connected, err := a.send(req, next)
	now := load.Now()
	if err != nil {
		a.setConnected(connected)
		excused := req.Context().Err() != nil || a.keptBroke || a.clientIsToBlame(now) ||
			isOfRequest(err) || a.mayHaveAnswered(req, err) || a.hasLost()
		result := endpoint.Result{Failed: !excused, Unreachable: isDialError(err)}
		ending := endingOfError(err)
		if excused {
			ending = a.excuseOf(req)
		}
		a.conclude(now, outcomeOf(err, excused, 0), ending, result)
		a.end()
		a.addToSpan(req.Context())
		return nil, a.explained(err)
	}
	a.takeReport(res, now)
	a.takeAnswer(res.StatusCode, connected, now)
	a.endpoint.EndTrial(a.trial)
	a.obeyRetryAfter(res, now)
	a.addToSpan(req.Context())
	a.beginCall(req, res)
	a.trackBody(res)
	return res, nil
}

// lose makes an error that follows say nothing of the endpoint, because another attempt of the
// request was answered first.
func (a *Attempt) lose() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lost = true
}

func (a *Attempt) hasLost() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.lost
}

// observe passes the result to the outlier detector.
func (a *Attempt) observe(r endpoint.Result) {
	r.Trial, r.Route = a.trial != 0, a.route.Route
	a.endpoint.Observe(r)
}

func (a *Attempt) markSent(now load.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage == picked {
		a.stage, a.times.sent = waiting, now
		crowd := a.endpoint.Load.Begin(&a.load, a.route.Table, a.route.Route, a.route.Parked, now)
		a.endpoint.AdaptToRequest(now, crowd)
		if a.route.Parked {
			a.freed()
		}
	}
}

// answer moves on to answered with an ending, and reports whether the attempt waited until then.
func (a *Attempt) answer(end endpoint.Ending) (waited bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage != waiting {
		return false
	}
	a.stage, a.ending = answered, end
	return true
}

// conclude ends the wait, records the outcome in the endpoint's load, and passes the result to the
// outlier detector.
func (a *Attempt) conclude(now load.Instant, o Outcome, end endpoint.Ending, r endpoint.Result) {
	if a.answer(end) {
		a.recordAndObserve(now, o, end, r)
	}
}

func (a *Attempt) recordAndObserve(now load.Instant, o Outcome, end endpoint.Ending, r endpoint.Result) {
	c := a.record(now, o, r)
	a.adapt(now, o, end, &c)
	a.freed()
	if o == Worked {
		a.endpoint.CountFirstByte(c.Latency)
	}
	if r.Status != http.StatusSwitchingProtocols {
		r.Latency, r.Relative, r.Expected = c.Latency, c.Relative, c.Expected
	}
	if r.Failed || r.Status > 0 {
		a.observe(r)
	}
}

// record records the outcome in the endpoint's load.
func (a *Attempt) record(now load.Instant, o Outcome, r endpoint.Result) load.Comparison {
	c, _ := a.endpoint.Load.Conclude(&a.load, now, a.result(o, r), a.transport.Decay)
	return c
}

// result returns what an outcome says of the endpoint's load.
func (a *Attempt) result(o Outcome, r endpoint.Result) load.Result {
	switch {
	case o == Worked:
		return load.Answered
	case o == Failed && r.Status == 0 && r.Unreachable:
		return load.Unreachable
	case o == Failed:
		return load.Failed
	case r.Status > 0:
		return load.Nothing
	}
	return load.Left
}

// end finishes the attempt before its request ends.
func (a *Attempt) end() {
	a.unwatch()
	a.finish()
}

// finish gives the place back. Only the first call has an effect.
func (a *Attempt) finish() {
	from, now, unfollow := a.over()
	if from == ended {
		return
	}
	if from != picked {
		if c, left := a.endpoint.Load.End(&a.load, now, a.transport.Decay); left {
			a.adapt(now, SaysNothing, endpoint.ClientLeft, &c)
		}
	}
	a.endpoint.CountEnding(a.ending)
	a.endpoint.EndTrial(a.trial)
	if unfollow != nil {
		unfollow()
	}
	a.endpoint.Release()
	a.place.Freed()
}

func (a *Attempt) hasEnded() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.stage == ended
}

// over moves on to ended, and returns the stage before, when that was, and what ends following the
// endpoint's role. That is nil if following has not begun; setUnfollow then sees that the attempt
// is over.
func (a *Attempt) over() (from stage, now load.Instant, unfollow func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if from = a.stage; from == ended {
		return from, 0, nil
	}
	now = load.Now()
	a.stage, a.ending, a.times.over = ended, a.endingFrom(from), now
	if a.role != nil {
		unfollow = a.role.end
	}
	return from, now, unfollow
}

// endingFrom returns the ending of an attempt that has ended, given the last stage before.
func (a *Attempt) endingFrom(s stage) endpoint.Ending {
	switch s {
	case picked:
		return endpoint.Unsent
	case waiting:
		return endpoint.ClientLeft
	}
	return a.ending // nothing changes it any more
}
