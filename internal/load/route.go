package load

import (
	"math"
	"sync/atomic"
	"time"
)

// Route is what a pool knows of the requests for one thing, over all of its endpoints: how long
// they take, how much that varies, and how often they fail. It is what one endpoint is compared
// with.
//
// Each value may be read at any time. Two of them may be of different moments, which does no harm.
type Route struct {
	key  uint64
	last atomic.Int64 // the Instant of the last result

	results  value // the number of results that the values stand for
	answers  value // the number of answers among them
	mean     value // of the time to first byte, in seconds
	square   value // the mean of its square
	usual    value // the mean of it, where long times count as clip times the mean
	long     value // the share of times beyond clip means
	short    value // the share of times below a part of 1/clip of the mean
	logMean  value // the mean of its logarithm
	failed   value // the share of results that are failures
	lasted   value // the mean logarithm of the time in flight, in seconds
	finished value // the number of requests that lasted stands for
}

// value is a number that is read without a lock.
type value struct{ bits atomic.Uint32 }

func (v *value) get() float64  { return float64(math.Float32frombits(v.bits.Load())) }
func (v *value) set(x float64) { v.bits.Store(math.Float32bits(float32(x))) }

// move brings a mean closer to a sample.
func (v *value) move(sample, part float64) { v.set(v.get() + (sample-v.get())*part) }

const (
	// maxCount bounds the numbers of results. A share of failures below a thousandth is not told
	// from none.
	maxCount = 1000

	// minPart is the weight of a result in the means of a route with few requests, whatever the
	// time since the last one.
	minPart = 1. / 64
)

// count adds one to a number of results and returns the weight of the newest one: an equal one at
// first, later one that forgets within the decay time.
func (v *value) count(elapsed, decay time.Duration) (part float64) {
	n := min(v.get()+1, maxCount)
	v.set(n)
	return max(1/n, min(minPart, 1-decayFactor(elapsed, decay)))
}

// observe records a result. The caller must hold the lock of the table.
func (r *Route) observe(now Instant, latency float64, failed bool, decay time.Duration) {
	elapsed := now.Sub(Instant(r.last.Load()))
	r.last.Store(int64(now))
	part := r.results.count(elapsed, decay)
	if failed {
		r.failed.move(1, part)
		return
	}
	r.failed.move(0, part)
	part = r.answers.count(elapsed, decay)
	logarithm := math.Log(latency)
	r.mean.move(latency, part)
	r.square.move(latency*latency, part)
	r.logMean.move(logarithm, part)
	usual := r.usual.get()
	if usual == 0 {
		usual = latency
	}
	r.usual.move(min(latency, clip*usual), part)
	r.long.move(indicator(latency > clip*usual), part)
	r.short.move(indicator(latency*clip < usual), part)
}

// known reports whether a request of the route was answered.
func (r *Route) known() bool { return r != nil && r.answers.get() > 0 }

// clip bounds the time of one answer, in means. Times have no upper bound, and of a route with cheap
// and dear requests, a mean would only say how many dear ones came by chance.
const clip = 3

func indicator(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// usualAge returns the age in seconds of a waiting request beyond which it takes longer than usual,
// on average. Of requests in flight, the long ones are met more often, so that the mean age of what
// waits is half of E[x²]/E[x] (the inspection paradox of renewal theory) and not of the mean.
func (r *Route) usualAge() float64 {
	return r.square.get() / r.mean.get()
}

const (
	// unknownFailures and unknownResults are what is assumed of a route before its first result:
	// a share of failures of 0.05 that is worth four results. A new route may be one that always
	// fails.
	unknownFailures, unknownResults = .2, 4
)

// failureShare returns the share of failures that is usual for the route, which is never 0.
func (r *Route) failureShare() float64 {
	if r == nil {
		return unknownFailures / unknownResults
	}
	n := r.results.get()
	return (n*r.failed.get() + unknownFailures) / (n + unknownResults)
}
