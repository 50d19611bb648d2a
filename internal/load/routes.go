package load

import (
	"math"
	"sync"
	"sync/atomic"
	"time"
)

// Routes is a table of the routes of a pool, and of what all of them have in common. Its size is
// bounded whatever clients send (see routeSet). Finding a route takes no lock and does not
// allocate.
type Routes struct {
	sets    [setCount]atomic.Pointer[routeSet]
	methods [methodCount]atomic.Pointer[Route] // what requests without a finer route share

	// mu guards all values, also those of the routes. A result that finds it taken is dropped: the
	// results that are left say the same, and no request waits for another.
	mu       sync.Mutex
	last     Instant
	answers  value // the number of answers that logarithm stands for
	latency  value // the mean logarithm of the time to first byte, in seconds
	mean     value // the mean time to first byte of requests that are not parked, in seconds
	square   value // the mean of its square
	finished value // the number of requests that lasted stands for
	lasted   value // the mean logarithm of the time in flight, in seconds
	parks    value // see parkedAfter
}

// methodCount is the number of coarse routes. Methods that clients invent share them.
const methodCount = 16

// Find returns the finest route of the key that the table knows or has room for.
func (t *Routes) Find(k *Key, now Instant) *Route {
	if r := t.find(k.exact, now, k.exactName); r != nil {
		return r
	}
	if k.section != k.method {
		if r := t.find(k.section, now, k.sectionName); r != nil {
			return r
		}
	}
	coarse := &t.methods[k.method%methodCount]
	if coarse.Load() == nil {
		coarse.CompareAndSwap(nil, &Route{name: k.methodName(), first: now})
	}
	return coarse.Load()
}

// observe records the result of a request, unless another one is being recorded.
func (t *Routes) observe(r *Route, now Instant, latency float64, failed bool, decay time.Duration) {
	r.requests.Add(1)
	if !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	r.observe(now, latency, failed, decay)
	if !failed {
		part := t.answers.count(now.Sub(t.last), decay)
		t.latency.move(math.Log(latency), part)
		if !t.Parked(r) {
			t.mean.move(latency, part)
			t.square.move(latency*latency, part)
		}
		t.last = now
	}
}

// finish records how long a request was in flight.
func (t *Routes) finish(r *Route, duration float64) {
	if !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	logarithm := math.Log(max(duration, minLatency))
	r.lasted.move(logarithm, r.finished.countLast(minPart))
	t.lasted.move(logarithm, t.finished.countLast(1./maxCount))
	t.parks.set(math.Exp(t.logParkedAfter()))
}

// goesOn records how long a request of a route is in flight already. That says something as long as
// no request of the route has ended: what is met on its way has as much before it as behind it, on
// average. Otherwise the first streams of a pool, none of which ends for long, would each count as
// work until they are old, and clients open many of them as soon as a proxy has started.
func (t *Routes) goesOn(r *Route, duration float64) {
	if !r.Unknown() || !t.mu.TryLock() {
		return
	}
	defer t.mu.Unlock()
	if r.Unknown() {
		r.lasted.set(math.Log(2 * duration))
		r.finished.set(1)
	}
}

// queueTime returns how long a queue lasts that formed because requests which take long met at one
// endpoint. Those are met in proportion to the time that they take. The answers of a very slow
// endpoint raise it too, so that it has a bound.
func (t *Routes) queueTime() float64 {
	if t.mean.get() == 0 {
		return 0
	}
	return min(t.square.get()/t.mean.get(), maxQueueTime)
}

// maxQueueTime is in seconds. With it, an endpoint that is very slow is seen after 2 s.
const maxQueueTime = 2. / queues

// minLatency is the least time that counts, in seconds. The logarithm of 0 is infinite.
const minLatency = 1e-6

// logParkedFactor is the logarithm of how much longer than usual a request must be in flight to
// count as parked: 20 times, and at least a second. Where all requests take long, as those for a
// language model do, none are parked.
const logParkedFactor = 2.995732

// parkedAfter returns the time in flight in seconds beyond which a request is no work. It is worked
// out once for each request that is over, because each request in flight asks for it several times.
func (t *Routes) parkedAfter() float64 { return max(1, t.parks.get()) }

func (t *Routes) logParkedAfter() float64 {
	if t.finished.get() == 0 {
		return 0 // the logarithm of a second
	}
	return max(0, logParkedFactor+t.lasted.get())
}

// Parked reports whether requests of the route are in flight for too long to be work.
func (t *Routes) Parked(r *Route) bool {
	return r.finished.get() > 0 && r.lasted.get() > t.logParkedAfter()
}

// Unknown reports whether no request of the route has ended, so that it may be one that is parked.
func (r *Route) Unknown() bool { return r.finished.get() == 0 }

// Usual returns the geometric mean of the time to first byte in seconds over all routes. It is
// false before the first answer.
func (t *Routes) Usual() (seconds float64, ok bool) {
	return math.Exp(t.latency.get()), t.answers.get() > 0
}
