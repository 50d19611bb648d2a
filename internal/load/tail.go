package load

import (
	"math"
	"sync/atomic"
	"time"
)

// Tail is how the times to first byte of a route are distributed, for a question such as which time
// 95 % of them do not exceed. Its size is fixed. Counting takes two atomic additions.
type Tail struct {
	buckets [BucketCount]atomic.Uint32
	total   atomic.Uint32
}

const (
	// tailLimit is the number of times after which all counts are halved, so that the tail follows
	// a route that changes. With half as many, a share of 5 % is known to 0.7 %.
	tailLimit = 2048

	// tailKnownFrom is the number of times from which on the tail is known.
	tailKnownFrom = 100
)

// Tail returns the tail of the route, which is made for the first that asks.
func (r *Route) Tail() *Tail {
	t := r.tail.Load()
	if t == nil {
		r.tail.CompareAndSwap(nil, new(Tail))
		t = r.tail.Load()
	}
	return t
}

// Observe counts a time. One that was not waited for to its end counts as what it was by then.
func (t *Tail) Observe(d time.Duration) {
	t.buckets[bucketOf(d.Seconds())].Add(1)
	if n := t.total.Add(1); n >= tailLimit && t.total.CompareAndSwap(n, n/2) {
		t.halve()
	}
}

// halve halves all counts. Times that are counted meanwhile may be lost, which does no harm.
func (t *Tail) halve() {
	sum := uint32(0)
	for i := range t.buckets {
		n := t.buckets[i].Load() / 2
		t.buckets[i].Store(n)
		sum += n
	}
	t.total.Store(sum)
}

// Quantile returns the time that a share of the times does not exceed. It is false as long as too
// few times are known.
func (t *Tail) Quantile(share float64) (d time.Duration, known bool) {
	total := t.total.Load()
	if total < tailKnownFrom {
		return 0, false
	}
	above := (1 - share) * float64(total)
	for i := BucketCount - 1; i >= 0; i-- {
		n := float64(t.buckets[i].Load())
		if n > 0 && n >= above {
			return timeWithin(i, 1-above/n), true
		}
		above -= n
	}
	return 0, false
}

// timeWithin returns the time at a part of a bucket. Within it, times are taken to be even on the
// scale of logarithms, as its bounds are.
func timeWithin(bucket int, part float64) time.Duration {
	exponent := (float64(FirstBucket+bucket-2) + part) / PerDoubling
	if bucket == 0 {
		exponent = lowest
	}
	return time.Duration(math.Exp2(exponent) * float64(time.Second))
}
