package status

import (
	"math"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// recentHalfLife is how long ago a time to first byte counts half as much as one of now.
const recentHalfLife = 15 * time.Second

// recentTimes has the recent times to first byte of an endpoint or of a pool, by their buckets.
type recentTimes struct {
	counted  [load.BucketCount]uint64 // until the last update
	weights  [load.BucketCount]float64
	idle     time.Duration // since the last time that was new
	complete bool          // whether counted is known; what was before a stream began is not recent
}

// update takes what has been counted since the start, and adds what is new of it to all, too. It
// reports whether anything is.
func (t *recentTimes) update(counted *load.Times, passed time.Duration, all *[load.BucketCount]float64) bool {
	t.idle += passed
	if t.counted == counted.Buckets || !t.complete {
		t.counted, t.complete = counted.Buckets, true
		return false
	}
	t.fade()
	for i, n := range counted.Buckets {
		added := float64(n - min(t.counted[i], n))
		t.weights[i] += added
		all[i] += added
	}
	t.counted = counted.Buckets
	return true
}

// add adds times that are new.
func (t *recentTimes) add(added *[load.BucketCount]float64, passed time.Duration) {
	t.idle += passed
	t.fade()
	for i, n := range added {
		t.weights[i] += n
	}
}

// fade lets what is known count less, as time has passed.
func (t *recentTimes) fade() {
	factor := math.Exp2(-t.idle.Seconds() / recentHalfLife.Seconds())
	for i := range t.weights {
		t.weights[i] *= factor
	}
	t.idle = 0
}

// quantile returns the time, in seconds, that a share of the times does not exceed; 0 if there are
// none.
func (t *recentTimes) quantile(share float64) float64 {
	total := 0.
	for _, w := range t.weights {
		total += w
	}
	if total < 1e-3 {
		return 0
	}
	below := 0.
	for i, w := range t.weights {
		if below+w >= share*total && w > 0 {
			return withinBucket(i, (share*total-below)/w)
		}
		below += w
	}
	return withinBucket(load.BucketCount-1, 1)
}

// withinBucket returns the time at a fraction of a bucket, whose bounds are exponential. It has
// three digits, so that it is sent again only if it has changed.
func withinBucket(i int, fraction float64) float64 {
	if i == 0 {
		return load.ZeroUntil
	}
	seconds := math.Exp2((float64(load.FirstBucket+i-2) + fraction) / load.PerDoubling)
	unit := math.Pow(10, math.Floor(math.Log10(seconds))-2)
	return math.Round(seconds/unit) * unit
}
