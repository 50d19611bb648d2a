package main

import (
	"slices"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/figures"
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
		p50: figures.Quantile(quick, .5), p99: figures.Quantile(quick, .99), p999: figures.Quantile(quick, .999),
		errors: float64(failed) / float64(max(1, counted)),
		late:   figures.Quantile(late, .99),
	}
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
func median[S any, T time.Duration | float64](all []S, of func(S) T) (middle T) {
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
	return strings.Join([]string{
		figures.Milliseconds(s.p50), figures.Milliseconds(s.p99), figures.Milliseconds(s.p999),
	}, separator)
}
