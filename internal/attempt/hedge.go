package attempt

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// hedge is a request that goes to a second endpoint when the first has not answered for some time.
// The first attempt runs in the goroutine of the request, the second one in that of a timer.
type hedge struct {
	*Hedging
	attempts *RequestAttempts // belongs to the request's goroutine, and with the lock to the timer's
	first    *Attempt
	tail     *load.Tail

	// The request as it was before its transport got it, for the second attempt. The transport may
	// write into the variables at any time, as it does for a forward proxy.
	request   http.Request
	url       url.URL
	variables map[string]any

	cancelFirst context.CancelFunc
	delay       time.Duration // after which the second attempt is made

	mu           sync.Mutex
	timer        *time.Timer
	tries        int
	over         bool     // no second attempt begins any more
	decided      bool     // one of the two was answered, or the wait for the second one is over
	second       *Attempt // nil if none was sent
	cancelSecond context.CancelFunc
	answer       chan *http.Response // of the second attempt; nil if that is not worth having
}

func newHedge(h *Hedging, attempts *RequestAttempts, first *Attempt, req *http.Request) *hedge {
	return &hedge{
		Hedging: h, attempts: attempts, first: first, tail: first.route.Tail(),
		request: *req, url: *req.URL, variables: variablesOf(req.Context()), answer: make(chan *http.Response, 1),
	}
}

// roundTrip sends the request to the first endpoint, and to a second one if that takes long. It
// returns the answer that comes first.
func (h *hedge) roundTrip(req *http.Request, next http.RoundTripper, began load.Instant) (*http.Response, error) {
	delay, known := h.tail.Quantile(h.Share)
	if !known {
		res, err := h.first.roundTrip(req, next, began)
		h.observe(res, err, began)
		return res, err
	}
	var ctx context.Context
	ctx, h.cancelFirst = context.WithCancel(req.Context()) // it ends with the request's, after the answer was read
	h.delay = max(delay, minHedgeDelay)
	h.sendAfter(h.delay, next)
	res, err := h.first.roundTrip(req.WithContext(ctx), next, began)
	h.observe(res, err, began)
	if err != nil && !h.first.hasLost() {
		h.attempts.noteRefusal(h.first.endpoint, began, err)
	}
	return h.settle(res, err)
}

// observe counts the time of the first attempt. One that a second attempt has overtaken counts with
// its time until then, which is above the percentile in question; otherwise the percentile would
// sink with each hedge.
func (h *hedge) observe(res *http.Response, err error, began load.Instant) {
	if isWorthHaving(res, err) || h.first.hasLost() {
		h.tail.Observe(load.Now().Sub(began))
	}
}

// settle returns the answer of the request after the first attempt, and ends the second one if it
// is not needed.
func (h *hedge) settle(res *http.Response, err error) (*http.Response, error) {
	h.mu.Lock()
	h.over = true
	h.timer.Stop()
	second, won := h.second, err == nil && !h.decided
	h.decided = h.decided || won
	h.mu.Unlock()
	switch {
	case second == nil:
		return res, err
	case won:
		h.attempts.answered = h.first
		second.lose()
		h.cancelSecond()
		second.endpoint.CountHedge(endpoint.HedgeBeaten)
		return res, nil
	}
	if answer := h.awaitSecond(second); answer != nil {
		if err == nil {
			res.Body.Close() // it came at the same moment
		}
		h.attempts.answered = second
		second.endpoint.CountHedge(endpoint.HedgeWon)
		return answer, nil
	}
	second.endpoint.CountHedge(endpoint.HedgeBeaten)
	return res, err
}

// answered returns the attempt whose answer the request has, after roundTrip.
func (h *hedge) answered() *Attempt { return cmp.Or(h.attempts.answered, h.first) }

// awaitSecond returns the answer of the second attempt after the first one has failed, nil if there
// is none. It waits as long as an answer usually takes: without the second attempt the client would
// have the error of the first by now, or Caddy would try another endpoint.
func (h *hedge) awaitSecond(second *Attempt) *http.Response {
	timer := time.NewTimer(h.delay)
	defer timer.Stop()
	select {
	case answer := <-h.answer:
		return answer
	case <-timer.C:
	}
	h.mu.Lock()
	late := !h.decided
	h.decided = true // an answer that comes now can no longer be read
	h.mu.Unlock()
	if late {
		second.lose()
		h.cancelSecond()
	}
	return <-h.answer
}

// maxHedgeTries is how often a hedge is tried that the budget refuses.
const maxHedgeTries = 4

// sendAfter sends the request to a second endpoint after a time.
func (h *hedge) sendAfter(delay time.Duration, next http.RoundTripper) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.timer = time.AfterFunc(delay, func() {
		delay *= 2
		second, req, err := h.begin(delay)
		if err != nil {
			h.logPanic(err)
		} else if second != nil {
			h.send(second, req, next)
		}
	})
}

// begin makes the second attempt. If the budget does not allow one, it tries again after a time: by
// then most requests of that age are answered, and those that hang are left.
func (h *hedge) begin(later time.Duration) (*Attempt, *http.Request, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.over {
		return nil, nil, nil
	}
	if !h.first.endpoint.SpendHedge() {
		if h.tries == 0 {
			h.first.endpoint.CountHedge(endpoint.HedgeRefused)
		}
		if h.tries++; h.tries < maxHedgeTries {
			h.timer.Reset(later)
		}
		return nil, nil, nil
	}
	second, err := h.attempts.pickHedge(h.Hedging, h.pickRequest())
	if second == nil {
		h.first.endpoint.ReturnHedge()
		return nil, nil, err
	}
	req, cancel := h.requestTo(second.endpoint)
	h.second, h.cancelSecond = second, cancel
	return second, req, nil
}

// send sends the request to the second endpoint, and ends the first attempt if that is answered.
func (h *hedge) send(second *Attempt, req *http.Request, next http.RoundTripper) {
	var res *http.Response
	err := recovered.Call("the transport", func() (err error) {
		res, err = second.roundTrip(req, next, load.Now())
		return err
	})
	if panicked := new(recovered.Error); errors.As(err, &panicked) {
		h.logPanic(err)
		second.end()
	}
	h.mu.Lock()
	won := isWorthHaving(res, err) && !h.decided
	h.decided = h.decided || won
	h.mu.Unlock()
	if won {
		h.first.lose()
		h.cancelFirst()
		h.answer <- res
		return
	}
	if err == nil {
		res.Body.Close()
	}
	h.cancelSecond()
	h.answer <- nil
}
