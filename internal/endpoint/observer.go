package endpoint

import "time"

// Result is what an attempt means for outlier detection.
type Result struct {
	Status  int           // 0 if there was no answer
	Latency time.Duration // to the first byte; 0 if that says nothing
	Failed  bool          // there was no answer, and that was the endpoint's fault
	Trial   bool          // the request was a trial of the half-open endpoint
}

// Observer receives the result of every attempt at the endpoints of a pool. It is called on the
// request path, by many goroutines at once.
type Observer interface {
	// Observe records the result of one attempt.
	Observe(e *Endpoint, r Result)
}

// Observe passes the result of an attempt to the pool's observer, if it has one.
func (e *Endpoint) Observe(r Result) {
	if o := e.pool.observer.Load(); o != nil {
		(*o).Observe(e, r)
	}
}
