package load

import (
	"math"
	"sync/atomic"
	"time"
)

// Route is what a pool knows of the requests for one thing, over all of its endpoints: how long
// they take, how much that varies, and how often they fail. An endpoint is compared with it.
//
// Each value may be read at any time. Two of them may be of different moments, which does no harm.
type Route struct {
	key      uint64
	name     string
	first    Instant
	last     atomic.Int64 // the Instant of the latest result
	requests atomic.Uint64
	sent     atomic.Int32         // up to firstSent requests
	tail     atomic.Pointer[Tail] // nil unless hedging asks for it

	results value // the number of results that the values stand for
	failed  value // the share of failures among them
	failing value // the share of failures among the last 64
	answers value // the number of answers among them

	// Of the time to first byte, in seconds: the mean, the mean of the square, and the mean of the
	// logarithm.
	mean, square, logarithm value

	usual       value // the mean time to first byte, where a long one counts as clip times the mean
	long, short value // the shares of times beyond clip times the usual one, and below a part of it

	rested   value // the number of answers that unloaded stands for
	unloaded value // the mean time to first byte at an endpoint with room, see ObserveUnloaded

	unloadedSquare value // the mean of its square

	finished value // the number of requests that are over
	lasted   value // the mean logarithm of their time in flight, in seconds
}

// clip bounds what the time of one answer counts, in usual times. Times have no upper bound, and
// the mean of a route with cheap and dear requests says how many dear ones came by chance: with 3 %
// that take 100 times as long, it takes 1,500 answers until it is known to 15 %, and 40 with a
// clip. An exponential time exceeds three times its mean once in 20, which moves its mean by 5 %.
const clip = 3

// observe records a result. The caller must hold the lock of the table.
func (r *Route) observe(now Instant, latency float64, failed bool, decay time.Duration) {
	elapsed := now.Sub(Instant(r.last.Load()))
	r.last.Store(int64(now))
	part := r.results.count(elapsed, decay)
	r.failed.move(indicator(failed), part)
	r.failing.move(indicator(failed), max(part, minPart))
	if failed {
		return
	}
	part = r.answers.count(elapsed, decay)
	usual := r.usual.get()
	if usual == 0 {
		usual = latency
	}
	r.logarithm.move(math.Log(latency), part)
	r.usual.move(min(latency, clip*usual), part)
	r.long.move(indicator(latency > clip*usual), part)
	r.short.move(indicator(latency*clip < usual), part)
	r.mean.move(latency, part)
	r.square.move(latency*latency, part) // the last one, see known
}

func indicator(holds bool) float64 {
	if holds {
		return 1
	}
	return 0
}

// known reports whether a request of the route was answered, so that no value is 0.
func (r *Route) known() bool { return r.square.get() > 0 }

// usualAge returns the age in seconds of a waiting request from which on it takes longer than
// usual. Of what waits, most are the long requests, so that the mean age is half of E[x²]/E[x]
// rather than half of the mean (the inspection paradox of renewal theory).
//
// The first answers of a route are those to its quick requests. So as long as it is new, an age is
// usual that is no longer than the route is known.
func (r *Route) usualAge(now Instant) float64 {
	usual := r.square.get() / r.mean.get()
	if known := now.Sub(r.first); known < newFor {
		return max(usual, known.Seconds())
	}
	return usual
}

// newFor is how long a route is new.
const newFor = 2 * time.Second

// assumedShare and assumedResults are what is assumed of a share before the first result: a share
// of 0.05, worth four results. A new route may be one that always fails.
const assumedShare, assumedResults = .05, 4

// shareOf returns a share among n results, which is never 0.
func shareOf(share, n float64) float64 {
	return (n*share + assumedResults*assumedShare) / (n + assumedResults)
}

// failureShare returns the share of failures that is usual for the route, or the present one if
// that is larger: what fails everywhere at once, as with a database that is down, must be usual
// before an endpoint is taken to be sick for it.
func (r *Route) failureShare() float64 {
	return shareOf(max(r.failed.get(), r.failing.get()), r.results.get())
}
