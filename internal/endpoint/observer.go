package endpoint

import (
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Result is what an attempt means for outlier detection.
type Result struct {
	Status  int           // 0 if there was no answer
	Latency time.Duration // to the first byte; 0 if that says nothing
	Failed  bool          // there was no answer, and that was the endpoint's fault
	Trial   bool          // the request was a trial of the half-open endpoint
	Late    bool          // the answer has counted as a good one when it began

	// Unreachable says that no connection could be made.
	Unreachable bool

	// Relative is Latency divided by the usual one of its route in the pool; 0 if that is not
	// known.
	Relative float64

	// Expected is the share of failures that is usual for its route in the pool.
	Expected float64

	// Route is its route in the pool; nil if that is not known.
	Route *load.Route
}

// Observer receives the result of every attempt at the endpoints of a pool. It is called on the
// request path, by many goroutines at once.
type Observer interface {
	// Observe records the result of one attempt.
	Observe(e *Endpoint, r Result)

	// Forget ends the ejection of an endpoint, and forgets what led to it and to earlier ones.
	Forget(e *Endpoint)
}

// Observe passes the result of an attempt to the pool's observer, if it has one.
func (e *Endpoint) Observe(r Result) {
	if o := e.pool.observer.Load(); o != nil {
		(*o).Observe(e, r)
	}
	e.ObserveCall(r)
}

// ObserveCall passes the result of a call of gRPC to the listeners only. Its status says more than
// that of HTTP, but not always something of the endpoint.
func (e *Endpoint) ObserveCall(r Result) {
	if listeners := e.pool.listeners.Load(); listeners != nil {
		for _, listener := range *listeners {
			(*listener)(e, r)
		}
	}
}

// resultListener is called with the result of an attempt.
type resultListener func(e *Endpoint, r Result)

// ListenToResults calls a function with the result of every attempt at the endpoints of the
// roster's pool, until stop is called. It is called on the request path, by many goroutines at
// once.
func (r *Roster) ListenToResults(listener func(*Endpoint, Result)) (stop func()) {
	p, key := r.pool, new(resultListener)
	*key = listener
	p.changeListeners(func(all []*resultListener) []*resultListener { return append(all, key) })
	return func() {
		p.changeListeners(func(all []*resultListener) []*resultListener {
			return slices.DeleteFunc(all, func(other *resultListener) bool { return other == key })
		})
	}
}

// changeListeners replaces the listeners by what change makes of a copy of them.
func (p *Pool) changeListeners(change func([]*resultListener) []*resultListener) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []*resultListener
	if before := p.listeners.Load(); before != nil {
		all = slices.Clone(*before)
	}
	if all = change(all); len(all) == 0 {
		p.listeners.Store(nil)
		return
	}
	p.listeners.Store(&all)
}
