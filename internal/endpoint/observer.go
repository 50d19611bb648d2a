package endpoint

import "time"

// Result is what an attempt means for outlier detection.
type Result struct {
	Status  int           // 0 if there was no answer
	Latency time.Duration // to the first byte; 0 if that says nothing
	Failed  bool          // there was no answer, and that was the endpoint's fault
	Trial   bool          // the request was a trial of the half-open endpoint

	// Unreachable says that no connection could be made.
	Unreachable bool

	// Relative is Latency divided by the usual one of its route in the pool; 0 if that is not
	// known.
	Relative float64

	// Expected is the share of failures that is usual for its route in the pool.
	Expected float64
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
}
