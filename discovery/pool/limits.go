package pool

import (
	"errors"
	"math/rand/v2"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
)

// poolLimits are the limits of a pool at one handler.
type poolLimits struct {
	on          bool
	gate        *limit.Gate             // nil if the pool lets all requests in
	adaptive    *limit.AdaptiveSettings // nil if the limits of endpoints do not adapt
	unsubscribe func()
}

// limit applies the limits to the handler.
func (p *Pool) limit(ctx caddy.Context) error {
	limits := p.claim.Pool.Limits()
	if p.LimitOptions == (LimitOptions{}) {
		return nil
	}
	if !p.standsAlone(ctx) {
		return errors.New("max_in_flight, queue, adaptive_limit and retry options: the pool is below another source; " +
			"expected it to be the only one of its reverse proxy")
	}
	var budget *limit.Budget
	if p.RetryBudget != nil {
		budget = &limits.Budget
	}
	var gate *limit.Gate
	if p.isGated() {
		gate = &limits.Gate
	}
	if gate != nil || p.AdaptiveLimit != nil {
		lb := p.handler.LoadBalancing
		lb.SelectionPolicy = &standInSelector{lb.SelectionPolicy, p}
		p.transport.AllowRefusals(gate)
	}
	if gate != nil {
		p.limits.gate = gate
		p.limits.unsubscribe = p.claim.Roster.Subscribe(func(*endpoint.Snapshot) { gate.Freed() })
	}
	p.obeyRetryAfter()
	p.limits.on, p.limits.adaptive = true, p.LimitOptions.settings().Adaptive
	p.transport.LimitRetries(budget)
	return nil
}

// standsAlone reports whether the pool is the only source of its reverse proxy.
func (p *Pool) standsAlone(ctx caddy.Context) bool {
	modules := ctx.Modules()
	return len(modules) >= 2 && modules[len(modules)-2] == caddy.Module(p.handler)
}

// limitedUpstreams returns the upstreams for a request within the limits of the pool. It takes as
// long as the request waits in the queue. refused says that the pool does not take the request.
func (p *Pool) limitedUpstreams(r *http.Request) (upstreams []*reverseproxy.Upstream, refused bool) {
	if !p.limits.on {
		return p.findUpstreams(r), false
	}
	attempts := p.transport.Attempts(r)
	if attempts == nil { // nothing would give a place back
		return p.findUpstreams(r), false
	}
	if p.RetryBudget != nil {
		attempts.CountRequest()
	}
	if p.RetryBackoff != nil {
		attempts.BackOff(r.Context(), p.RetryBackoff.pause())
	}
	if p.limits.gate == nil {
		return p.findWithinLimits(r, attempts)
	}
	attempts.Turn()
	if attempts.KeepsPlace() || !attempts.HoldsPlace() && attempts.SharePlace() {
		upstreams = p.findAnyUpstreams(r)
	} else {
		upstreams, refused = p.enter(r, attempts)
	}
	if len(upstreams) == 0 {
		attempts.LeaveAtLast()
	}
	return upstreams, refused
}

// findWithinLimits refuses a request that only adaptive limits keep from being served. A retry ends
// with the error of the attempt before.
func (p *Pool) findWithinLimits(
	r *http.Request, attempts *attempt.RequestAttempts,
) (_ []*reverseproxy.Upstream, refused bool) {
	upstreams := p.findAnyUpstreams(r)
	if len(upstreams) == 0 && p.limits.adaptive != nil && !attempts.Any() && p.awaitsRoom() {
		p.claim.Pool.CountUnserved()
		return p.refuse(attempts, limit.Full), true
	}
	return upstreams, false
}

// findAnyUpstreams is findUpstreams that falls back on endpoints which pause.
func (p *Pool) findAnyUpstreams(r *http.Request) []*reverseproxy.Upstream {
	upstreams := p.findUpstreams(r)
	if len(upstreams) == 0 && p.RetryAfter != nil && p.claim.Roster.EndPauses() {
		upstreams = p.findUpstreams(r)
	}
	return upstreams
}

// enter waits until the pool lets the request in and an endpoint has room for it. A request that is
// inside already got a list, and another one took the last place of it.
func (p *Pool) enter(r *http.Request, attempts *attempt.RequestAttempts) (_ []*reverseproxy.Upstream, refused bool) {
	gate := p.limits.gate
	w := attempts.Place().Waiter() // nil while it has not waited
	if !attempts.HoldsPlace() {
		if w = nil; !gate.TryEnter() {
			w = limit.NewWaiter(p.class(r))
			result := timed(attempts, w, func() limit.Result { return gate.Wait(r.Context(), w) })
			if result != limit.Entered {
				return p.refuse(attempts, result), true
			}
		}
		attempts.HoldPlace(w)
	}
	for {
		frees := gate.Frees()
		upstreams := p.findAnyUpstreams(r)
		if len(upstreams) > 0 && attempts.Picked() == nil {
			return upstreams, false // the next one in the queue looks when this one has a place
		}
		if len(upstreams) > 0 || p.Queue == nil || attempts.Any() || !p.awaitsRoom() {
			attempts.Place().Found()
			return upstreams, false
		}
		if w == nil {
			w = limit.NewWaiter(p.class(r))
		}
		result := timed(attempts, w, func() limit.Result {
			return gate.Requeue(r.Context(), w, attempts.Place(), frees)
		})
		if result != limit.Entered {
			return p.refuse(attempts, result), true
		}
		attempts.HoldPlace(w)
	}
}

// timed counts the time of a wait as one that the request was in the queue, if it was.
func timed(attempts *attempt.RequestAttempts, w *limit.Waiter, wait func() limit.Result) limit.Result {
	start := time.Now()
	result := wait()
	if w.HasQueued() {
		attempts.CountQueued(time.Since(start))
	}
	return result
}

// awaitsRoom reports whether only the limits of endpoints keep a request from being served. One may
// have got room since it was tried; the gate then lets the request look again at once.
func (p *Pool) awaitsRoom() bool {
	s := p.claim.Roster.Snapshot()
	for i := range s.Members {
		m := &s.Members[i]
		if m.Weight == 0 || m.Is(s.Blocking) {
			continue
		}
		if usable, _ := s.Usable(m, p.admit); usable || isFull(m, p.admit) {
			return true
		}
	}
	return false
}

// class returns the class of a request.
func (p *Pool) class(r *http.Request) limit.Class {
	if p.Queue == nil {
		return limit.Normal
	}
	return attempt.ClassOf(r, p.Queue.Class)
}

var (
	errFull     = errors.New("the pool has as many requests in flight as it may, and its queue is full")
	errTimedOut = errors.New("the pool had no room for the request in the time that it may wait")
)

// refuse makes a request end at once.
func (p *Pool) refuse(attempts *attempt.RequestAttempts, result limit.Result) []*reverseproxy.Upstream {
	err := errFull
	if result == limit.TimedOut {
		err = errTimedOut
	}
	return attempts.Refuse(attempt.Refusal{Err: err, RetryAfter: p.retryAfter()})
}

// retryAfter returns after how many seconds a client that was refused should come back: after the
// time that requests wait at most, and at random up to twice that, so that not all come at once.
func (p *Pool) retryAfter() int {
	seconds := 1
	if p.Queue != nil {
		seconds = max(1, int(time.Duration(p.Queue.timeout()).Seconds()))
	}
	return seconds + rand.IntN(seconds+1)
}
