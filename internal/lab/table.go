package main

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/figures"
)

// print writes the table, what was measured, and what the machine added.
func (s *session) print(w io.Writer) {
	if len(s.results) == 0 {
		return
	}
	fmt.Fprintln(w, "| scenario | proxy | p50 | p99 | p99.9 | errors |")
	fmt.Fprintln(w, "|---|---|--:|--:|--:|--:|")
	for _, of := range s.scenarios {
		for _, p := range s.proxies {
			if all := s.summaries(of.name, p.proxy); len(all) > 0 {
				m := medians(all)
				fmt.Fprintf(w, "| %s | %s | %s | %s |\n", of.name, p, m.latencies(" | "), figures.Percent(m.errors))
			}
		}
	}
	fmt.Fprint(w, "\n| scenario | what happens in it |\n|---|---|\n")
	for _, of := range s.scenarios {
		fmt.Fprintf(w, "| %s | %s |\n", of.name, of.about)
	}
	fmt.Fprintf(w, "\nRounds: %d, with %g requests/s for %s in each run; seed %d.\n",
		s.rounds, s.rate, s.duration, s.seed)
	fmt.Fprintf(w, "Versions: %s.\n", strings.Join(versions(s.proxies), ", "))
	s.printNoise(w)
}

func (s *session) summaries(scenario string, p proxy) (all []summary) {
	for _, r := range s.results {
		if r.scenario == scenario && r.proxy == p {
			all = append(all, r.summary)
		}
	}
	return all
}

// versions returns each program once.
func versions(proxies []installed) (versions []string) {
	for _, p := range proxies {
		if v := p.title + " " + p.version; !slices.Contains(versions, v) {
			versions = append(versions, v)
		}
	}
	return versions
}

// busyLimit is the share of the processors from which queues for them show in the latencies.
const busyLimit = 0.5

func (s *session) printNoise(w io.Writer) {
	added := medians(s.added)
	var all []summary
	var late time.Duration
	tooBusy := 0
	for _, r := range s.results {
		all = append(all, r.summary)
		late = max(late, r.late)
		if r.busy > busyLimit {
			tooBusy++
		}
	}
	m := medians(all)
	fmt.Fprintf(w, "Noise: without a proxy, the machine adds %s ms (p50 / p99 / p99.9).\n", added.latencies(" / "))
	fmt.Fprintf(w, "99 %% of the requests left at most %s ms late, and %s ms in the worst run.\n",
		figures.Milliseconds(m.late), figures.Milliseconds(late))
	if m.busy >= 0 {
		fmt.Fprintf(w, "The processors were %s busy, and more than %s in %d of %d runs.\n",
			figures.Percent(m.busy), figures.Percent(busyLimit), tooBusy, len(all))
	}
}
