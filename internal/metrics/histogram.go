package metrics

import (
	dto "github.com/prometheus/client_model/go"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

const (
	// schema is that of native histograms with load.PerDoubling buckets for each doubling.
	schema = 2

	// The bounds of the classic buckets are the powers of two from a millisecond to half a minute.
	firstBound, lastBound = -10, 5
)

// times is a histogram of a metric, classic and native. It implements prometheus.Metric.
type times struct {
	*metric
	values []*dto.LabelPair
	load.Times
}

// Write implements prometheus.Metric.
func (t *times) Write(out *dto.Metric) error {
	count, sum := t.Count(), t.Sum.Seconds()
	h := &dto.Histogram{SampleCount: &count, SampleSum: &sum}
	for power := firstBound; power <= lastBound; power++ {
		upTo, bound := t.UpTo(power), boundOf(power)
		h.Bucket = append(h.Bucket, &dto.Bucket{CumulativeCount: &upTo, UpperBound: &bound})
	}
	t.writeNative(h)
	out.Label, out.Histogram = t.values, h
	return nil
}

func boundOf(power int) float64 {
	if power < 0 {
		return 1 / float64(int(1)<<-power)
	}
	return float64(int(1) << power)
}

// writeNative adds the native buckets. Those that are empty are left out: a span says how many are
// between it and the one before, and each bucket how much it differs from the one before.
func (t *times) writeNative(h *dto.Histogram) {
	zero, until, of := t.Buckets[0], load.ZeroUntil, int32(schema)
	h.ZeroCount, h.ZeroThreshold, h.Schema = &zero, &until, &of
	next, before := 0, int64(0) // the index that would continue the span, and the count of the last bucket
	for i := 1; i < load.BucketCount; i++ {
		if t.Buckets[i] == 0 {
			continue
		}
		index := load.FirstBucket + i - 1
		if len(h.PositiveSpan) == 0 || index != next {
			offset := int32(index - next)
			h.PositiveSpan = append(h.PositiveSpan, &dto.BucketSpan{Offset: &offset, Length: new(uint32)})
		}
		*h.PositiveSpan[len(h.PositiveSpan)-1].Length++
		h.PositiveDelta = append(h.PositiveDelta, int64(t.Buckets[i])-before)
		next, before = index+1, int64(t.Buckets[i])
	}
	if len(h.PositiveSpan) == 0 && zero == 0 {
		// A native histogram without any bucket is told from a classic one by a span of no length.
		h.PositiveSpan = []*dto.BucketSpan{{Offset: new(int32), Length: new(uint32)}}
	}
}

// durations is a summary without quantiles. It implements prometheus.Metric.
type durations struct {
	*metric
	values []*dto.LabelPair
	count  uint64
	sum    float64
}

// Write implements prometheus.Metric.
func (d *durations) Write(out *dto.Metric) error {
	out.Label, out.Summary = d.values, &dto.Summary{SampleCount: &d.count, SampleSum: &d.sum}
	return nil
}
