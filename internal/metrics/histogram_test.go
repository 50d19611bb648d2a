package metrics

import (
	"math"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

func written(t *testing.T, observed ...time.Duration) *dto.Histogram {
	t.Helper()
	var counted load.Histogram
	for _, d := range observed {
		counted.Observe(d)
	}
	series := times{metric: poolFirstByte}
	counted.AddTo(&series.Times)
	var out dto.Metric
	if err := series.Write(&out); err != nil {
		t.Fatal(err)
	}
	return out.Histogram
}

// nativeBuckets decodes a native histogram as Prometheus does: the counts by the end of the bucket.
func nativeBuckets(h *dto.Histogram) map[float64]int64 {
	buckets := make(map[float64]int64)
	index, count, delta := int32(0), int64(0), 0
	for _, span := range h.PositiveSpan {
		index += span.GetOffset()
		for range span.GetLength() {
			count += h.PositiveDelta[delta]
			delta++
			buckets[math.Exp2(float64(index)/math.Exp2(float64(h.GetSchema())))] = count
			index++
		}
	}
	return buckets
}

func TestAHistogramIsClassicAndNative(t *testing.T) {
	h := written(t, time.Microsecond, time.Millisecond, 900*time.Millisecond, time.Second, time.Second,
		3*time.Second, time.Hour)
	if h.GetSampleCount() != 7 || math.Abs(h.GetSampleSum()-3605.901001) > 1e-6 {
		t.Errorf("%d times, in all %v s", h.GetSampleCount(), h.GetSampleSum())
	}
	for _, b := range h.Bucket {
		want := uint64(0)
		for at, n := range map[float64]uint64{1e-6: 1, 1e-3: 1, .9: 1, 1: 2, 3: 1} {
			if at <= b.GetUpperBound() {
				want += n
			}
		}
		if b.GetCumulativeCount() != want {
			t.Errorf("up to %v: %d, want %d", b.GetUpperBound(), b.GetCumulativeCount(), want)
		}
	}
	native := nativeBuckets(h)
	total := int64(h.GetZeroCount())
	for _, n := range native {
		total += n
	}
	if total != 7 || h.GetZeroCount() != 1 || native[1] != 3 || native[1024] != 1 {
		t.Errorf("native: %d at zero, %v", h.GetZeroCount(), native)
	}
}

func TestAnEmptyHistogramIsNativeToo(t *testing.T) {
	if h := written(t); len(h.PositiveSpan) != 1 || h.GetSampleCount() != 0 || h.Schema == nil {
		t.Errorf("got %v", h)
	}
}
