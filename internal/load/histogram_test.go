package load

import (
	"math"
	"testing"
	"time"
)

// TestATimeIsInTheBucketOfItsBounds follows the definition of a native histogram: bucket i of
// schema 2 has what is above 2^((i-1)/4) and up to 2^(i/4).
func TestATimeIsInTheBucketOfItsBounds(t *testing.T) {
	for seconds := ZeroUntil / 4; seconds < 2000; seconds *= 1.013 {
		i := bucketOf(seconds)
		if end := math.Exp2(float64(FirstBucket+i-1) / PerDoubling); seconds > end && i < BucketCount-1 {
			t.Errorf("%v is in bucket %d, which ends at %v", seconds, i, end)
		}
		if start := math.Exp2(float64(FirstBucket+i-2) / PerDoubling); i > 0 && seconds <= start {
			t.Errorf("%v is in bucket %d, which begins above %v", seconds, i, start)
		}
	}
}

func TestABucketIncludesItsEnd(t *testing.T) {
	for power := lowest; power <= highest; power++ {
		if i := bucketOf(math.Exp2(float64(power))); FirstBucket+i-1 != power*PerDoubling {
			t.Errorf("2^%d is in bucket %d, not at its end", power, i)
		}
	}
}

func TestAHistogramCountsEveryTimeOnce(t *testing.T) {
	var h Histogram
	var times Times
	for _, d := range []time.Duration{0, time.Microsecond, time.Millisecond, time.Second, 2 * time.Second, time.Hour} {
		h.Observe(d)
	}
	h.AddTo(&times)
	if times.Count() != 6 {
		t.Errorf("counted %d of 6", times.Count())
	}
	if want := time.Hour + 3*time.Second + time.Millisecond + time.Microsecond; times.Sum != want {
		t.Errorf("the sum is %s, want %s", times.Sum, want)
	}
	for power, want := range map[int]uint64{-9: 3, -1: 3, 0: 4, 1: 5, 5: 5} {
		if got := times.UpTo(power); got != want {
			t.Errorf("up to 2^%d s: %d, want %d", power, got, want)
		}
	}
}

func TestCountingATimeAllocatesNothing(t *testing.T) {
	var h Histogram
	if n := testing.AllocsPerRun(100, func() { h.Observe(time.Millisecond) }); n > 0 {
		t.Errorf("%v allocations", n)
	}
}
