package main

import (
	"fmt"
	"slices"
	"time"
)

// summary is one run in numbers, or several runs in their medians.
type summary struct {
	p50, p99, p999 time.Duration // of the quick requests
	errors         float64       // share of all requests
	late           time.Duration // p99 of how late requests left
	busy           float64       // share of the machine's processors; negative if it is not known
}

// latency is the time that a client waited.
func latency(_ *request, a *answer) time.Duration { return a.latency }

// addedLatency is what a client waited beyond the work of its request.
func addedLatency(r *request, a *answer) time.Duration { return max(0, a.latency-r.work) }

// summarize counts the requests that were not cut off.
func summarize(requests []request, answers []answer, of func(*request, *answer) time.Duration) summary {
	var quick, late []time.Duration
	counted, failed := 0, 0
	for i := range answers {
		r, a := &requests[i], &answers[i]
		if a.cut {
			continue
		}
		counted++
		if a.failed {
			failed++
		}
		late = append(late, a.late)
		if r.class.path == quickPath {
			quick = append(quick, of(r, a))
		}
	}
	slices.Sort(quick)
	slices.Sort(late)
	return summary{
		p50: quantile(quick, .5), p99: quantile(quick, .99), p999: quantile(quick, .999),
		errors: float64(failed) / float64(max(1, counted)),
		late:   quantile(late, .99),
	}
}

// quantile returns a quantile of sorted values.
func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)))]
}

// medians returns the median of each number.
func medians(all []summary) summary {
	return summary{
		p50:    median(all, func(s summary) time.Duration { return s.p50 }),
		p99:    median(all, func(s summary) time.Duration { return s.p99 }),
		p999:   median(all, func(s summary) time.Duration { return s.p999 }),
		errors: median(all, func(s summary) float64 { return s.errors }),
		late:   median(all, func(s summary) time.Duration { return s.late }),
		busy:   median(all, func(s summary) float64 { return s.busy }),
	}
}

// median returns the upper one of the two if the number of values is even.
func median[T time.Duration | float64](all []summary, of func(summary) T) (middle T) {
	var values []T
	for _, s := range all {
		values = append(values, of(s))
	}
	if slices.Sort(values); len(values) > 0 {
		middle = values[len(values)/2]
	}
	return middle
}

func (s *summary) latencies(separator string) string {
	return milliseconds(s.p50) + separator + milliseconds(s.p99) + separator + milliseconds(s.p999)
}

// milliseconds formats a time with three digits and no exponent.
func milliseconds(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	switch {
	case v >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

func percent(v float64) string { return fmt.Sprintf("%.3g %%", 100*v) }
