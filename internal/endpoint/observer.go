package endpoint

import "time"

// Result is what came of an attempt, for whoever judges endpoints by real requests.
type Result struct {
	Status  int           // 0 if there was no answer
	Latency time.Duration // to the first byte; 0 if that says nothing
	Failed  bool          // no answer, and not because the client left
}

// Observer is told of every attempt at the endpoints of a pool. It is called on the request path, by many at once.
type Observer interface {
	Observe(e *Endpoint, r Result)
}

// Observe tells the pool's observer, if it has one, what came of an attempt that says something.
func (e *Endpoint) Observe(r Result) {
	if o := e.pool.observer.Load(); o != nil {
		(*o).Observe(e, r)
	}
}
