package main

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/figures"
)

// print writes the table, and what was measured.
func (s *connectionSession) print(w io.Writer) {
	if len(s.results) == 0 {
		return
	}
	fmt.Fprintln(w, "| proxy | connections/s | processor, µs each | first byte, ms: p50 | p99 | p99.9 | "+
		"to the backend, MB/s | processor, ms per GB | from the backend, MB/s | processor, ms per GB | errors |")
	fmt.Fprintln(w, "|---|--:|--:|--:|--:|--:|--:|--:|--:|--:|--:|")
	s.printRow(w, withoutProxy)
	for _, p := range s.proxies {
		s.printRow(w, p.String())
	}
	fmt.Fprintf(w, "\nRounds: %d, in which each proxy gets %g connections/s, then as many as %d clients can make, "+
		"then one stream in each direction, for %s each; seed %d.\n",
		s.rounds, s.rate, connectionClients, s.duration, s.seed)
	fmt.Fprintf(w, "Versions: %s. Processors: %d.\n", strings.Join(versions(s.proxies), ", "), runtime.NumCPU())
	var first []summary
	for _, r := range s.results {
		first = append(first, r.first)
	}
	m := medians(first)
	fmt.Fprintf(w, "At %g connections/s, 99 %% left at most %s ms late, and the processors were %s busy.\n",
		s.rate, figures.Milliseconds(m.late), figures.Percent(m.busy))
}

func (s *connectionSession) printRow(w io.Writer, proxy string) {
	var all []connectionSummary
	var first []summary
	for _, r := range s.results {
		if r.proxy == proxy {
			all, first = append(all, r.connectionSummary), append(first, r.first)
		}
	}
	if len(all) == 0 {
		return
	}
	m := medians(first)
	failed := median(all, func(s connectionSummary) float64 { return s.failed })
	each := median(all, func(s connectionSummary) time.Duration { return s.each })
	fmt.Fprintf(w, "| %s | %.0f | %.0f | %s | %s | %s | %s |\n", proxy,
		median(all, func(s connectionSummary) float64 { return s.perSec }), float64(each)/float64(time.Microsecond),
		m.latencies(" | "),
		streamColumns(all, func(s connectionSummary) streamSummary { return s.up }),
		streamColumns(all, func(s connectionSummary) streamSummary { return s.down }),
		figures.Percent(max(failed, m.errors)))
}

func streamColumns(all []connectionSummary, of func(connectionSummary) streamSummary) string {
	return fmt.Sprintf("%.0f | %.0f",
		median(all, func(s connectionSummary) float64 { return of(s).rate })/1e6,
		float64(median(all, func(s connectionSummary) time.Duration { return of(s).cost }))/float64(time.Millisecond))
}
