package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/figures"
)

// measurements is one line of the table.
type measurements struct {
	counts        map[result]int
	sent          int
	p99, worst    time.Duration
	before, after rest
	unmet         []string
}

// measured returns the figures of the trial, and what of the bounds does not hold.
func (t *trial) measured(before, after rest) measurements {
	m := measurements{counts: make(map[result]int), before: before, after: after}
	var latencies []time.Duration
	reasons := make(map[string]int)
	for _, e := range t.load.exchanges {
		m.counts[e.result]++
		if e.result == answered {
			latencies = append(latencies, e.ended.Sub(e.due))
		}
		if e.result == failed || e.result == dropped || e.result == rejected {
			reasons[e.method+": "+e.reason]++
		}
	}
	slices.Sort(latencies)
	m.sent = len(t.load.exchanges)
	m.p99 = figures.Quantile(latencies, .99)
	if len(latencies) > 0 {
		m.worst = latencies[len(latencies)-1]
	}
	n := m.failures()
	t.expect(n == 0, "%d of %d requests failed: %v", n, m.sent, reasons)
	t.expect(m.counts[answered] > 0, "no request was answered")
	t.expect(after.inFlight == 0, "%d requests are in flight", after.inFlight)
	t.expect(after.goroutines <= before.goroutines+moreGoroutines,
		"%d goroutines were %d", after.goroutines, before.goroutines)
	t.expect(after.heap <= before.heap+moreHeap+t.memories, "%d bytes of heap were %d", after.heap, before.heap)
	m.unmet = t.unmet
	return m
}

// failures returns the number of requests that failed without need.
func (m *measurements) failures() int {
	return m.counts[failed] + m.counts[dropped] + m.counts[rejected]
}

// cells returns the columns of the table.
func (m *measurements) cells() []string {
	return []string{
		fmt.Sprint(m.sent), fmt.Sprint(m.failures()), fmt.Sprint(m.counts[broken]), fmt.Sprint(m.counts[turnedAway]),
		figures.Milliseconds(m.p99), figures.Milliseconds(m.worst),
		fmt.Sprintf("%d → %d", m.before.goroutines, m.after.goroutines),
		fmt.Sprintf("%.1f → %.1f", megabytes(m.before.heap), megabytes(m.after.heap)),
		fmt.Sprint(m.after.inFlight),
	}
}

func megabytes(bytes int) float64 { return float64(bytes) / (1 << 20) }
