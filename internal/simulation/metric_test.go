package simulation

import (
	"slices"
	"time"
)

// metric is one number of a summary. Durations are in milliseconds.
type metric struct {
	name string
	of   func(summary) float64
}

func (m metric) values(all []summary) []float64 {
	values := make([]float64, len(all))
	for i, s := range all {
		values[i] = m.of(s)
	}
	return values
}

var (
	success  = metric{"success", func(s summary) float64 { return s.success }}
	failures = metric{"failures", func(s summary) float64 { return s.failed }}
	average  = metric{"mean (ms)", func(s summary) float64 { return milliseconds(s.mean) }}
	p50      = metric{"p50 (ms)", func(s summary) float64 { return milliseconds(s.p50) }}
	p99      = metric{"p99 (ms)", func(s summary) float64 { return milliseconds(s.p99) }}
	p999     = metric{"p99.9 (ms)", func(s summary) float64 { return milliseconds(s.p999) }}
	answered = metric{"p99 answered (ms)", func(s summary) float64 { return milliseconds(s.answered) }}
	peak     = metric{"max in flight", func(s summary) float64 { return float64(s.peak) }}
	crowding = metric{"crowding", func(s summary) float64 { return s.crowding }}
	moved    = metric{"moved", func(s summary) float64 { return s.moved }}
	attempts = metric{"attempts", func(s summary) float64 { return s.attempts }}
	parked   = metric{"parked above the mean", func(s summary) float64 { return s.parked }}
)

// share is the share of the watched backends in one phase.
func share(phase int) metric {
	return metric{"share of fair", func(s summary) float64 { return s.shares[phase] }}
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// median returns the median of a metric over the seeds.
func median(all []summary, m metric) float64 {
	values := m.values(all)
	slices.Sort(values)
	return values[len(values)/2]
}
