package load

import (
	"math"
	"sync/atomic"
	"time"
)

// Histogram counts times in exponential buckets that never change, so that counting takes one
// atomic addition for the bucket and one for the sum. The zero value is empty.
//
// The bounds are those of a native histogram of Prometheus with four buckets for each doubling.
// Every fourth of them is a power of two, so that a classic histogram can be derived exactly.
type Histogram struct {
	buckets [BucketCount]atomic.Uint64
	nanos   atomic.Int64
}

const (
	// PerDoubling is the number of buckets for each doubling of the time. A quantile is at most a
	// tenth off.
	PerDoubling = 4

	// lowest and highest are the powers of two, in seconds, between which times are told apart:
	// from 61 µs to 17 minutes.
	lowest, highest = -14, 10

	// FirstBucket is the index, in the numbering of native histograms, of bucket 1. Bucket i ends
	// at 2^((FirstBucket+i-1)/PerDoubling) seconds.
	FirstBucket = lowest*PerDoubling + 1

	// BucketCount is the number of buckets. Bucket 0 has the times up to ZeroUntil, and the last
	// one also those that are longer.
	BucketCount = (highest-lowest)*PerDoubling + 1

	// ZeroUntil is the end of bucket 0, in seconds.
	ZeroUntil = 1. / (1 << -lowest)
)

// bounds are the ends of the buckets of one doubling, from 0.5 on.
var bounds = [PerDoubling]float64{.5, .5 * math.Sqrt2 / sqrtSqrt2, .5 * math.Sqrt2, .5 * math.Sqrt2 * sqrtSqrt2}

const sqrtSqrt2 = 1.189207115002721

// Observe counts a time.
func (h *Histogram) Observe(d time.Duration) {
	h.buckets[bucketOf(d.Seconds())].Add(1)
	h.nanos.Add(int64(d))
}

// bucketOf returns the bucket whose end is the first that is not less than a time.
func bucketOf(seconds float64) int {
	if seconds <= ZeroUntil {
		return 0
	}
	fraction, exponent := math.Frexp(seconds)
	within := 0
	for within < PerDoubling && bounds[within] < fraction {
		within++
	}
	return min(within+(exponent-1)*PerDoubling-FirstBucket+1, BucketCount-1)
}

// EndOf returns the end of a bucket, in seconds.
func EndOf(bucket int) float64 { return math.Exp2(float64(FirstBucket+bucket-1) / PerDoubling) }

// Times is what a histogram has counted, or several have.
type Times struct {
	Buckets [BucketCount]uint64
	Sum     time.Duration
}

// AddTo adds what the histogram has counted. Times that are counted at the same instant may be in
// one of the two numbers only.
func (h *Histogram) AddTo(t *Times) {
	for i := range h.buckets {
		t.Buckets[i] += h.buckets[i].Load()
	}
	t.Sum += time.Duration(h.nanos.Load())
}

// Count returns the number of times.
func (t *Times) Count() (n uint64) {
	for _, bucket := range t.Buckets {
		n += bucket
	}
	return n
}

// UpTo returns the number of times up to a power of two, in seconds.
func (t *Times) UpTo(power int) (n uint64) {
	for _, bucket := range t.Buckets[:power*PerDoubling-FirstBucket+2] {
		n += bucket
	}
	return n
}
