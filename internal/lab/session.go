package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/figures"
)

// session runs all that was asked for and keeps the results.
type session struct {
	*options
	proxies []installed
	folder  string
	notes   io.Writer

	results []result
	added   []summary // by the machine, in each round
}

// result is one run of a proxy.
type result struct {
	scenario string
	proxy    proxy
	summary
}

// measure runs all rounds. Within a round and a scenario the proxies take turns, and each round
// begins with another of them.
func (s *session) measure(ctx context.Context) error {
	for round := range s.rounds {
		if err := s.measureMachine(ctx, round); err != nil {
			return err
		}
		for i := range s.scenarios {
			for j := range s.proxies {
				p := s.proxies[(j+round)%len(s.proxies)]
				if err := s.measureProxy(ctx, round, &s.scenarios[i], p); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func (s *session) measureProxy(ctx context.Context, round int, of *scenario, p installed) error {
	backends, err := startFleet(of)
	if err != nil {
		return err
	}
	defer backends.stop()
	folder := filepath.Join(s.folder, fmt.Sprint(len(s.results)))
	if err := os.Mkdir(folder, 0o755); err != nil {
		return err
	}
	running, err := startProxy(ctx, p, folder, backends.addresses)
	if err != nil {
		return err
	}
	defer running.Kill()

	requests := draw(of, s.options, round)
	answers, busy := s.load(ctx, of, backends, requests, running.address)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if !running.IsRunning() {
		return fmt.Errorf("%s ended during the run\n%s", p, running.Output())
	}
	r := result{of.name, p.proxy, summarize(requests, answers, latency)}
	r.busy = busy
	s.results = append(s.results, r)
	s.progress(round, of.name, p.String(), r.summary)
	return nil
}

// measureMachine measures what the machine adds to the time of the backends if there is no proxy.
func (s *session) measureMachine(ctx context.Context, round int) error {
	backends, err := startFleet(&undisturbed)
	if err != nil {
		return err
	}
	defer backends.stop()
	requests := draw(&undisturbed, s.options, round)
	answers, busy := s.load(ctx, &undisturbed, backends, requests, backends.addresses...)
	if ctx.Err() != nil {
		return ctx.Err()
	}
	added := summarize(requests, answers, addedLatency)
	added.busy = busy
	s.added = append(s.added, added)
	s.progress(round, undisturbed.name, "added by the machine", added)
	return nil
}

// load sends the requests and returns how busy the processors were meanwhile.
func (s *session) load(
	ctx context.Context, of *scenario, backends *fleet, requests []request, targets ...string,
) ([]answer, float64) {
	start := time.Now()
	backends.schedule(of, start, s.duration)
	before := readProcessors()
	answers := (&generator{newHTTPClient(), targets}).run(ctx, start, requests)
	return answers, readProcessors().busySince(before)
}

func (s *session) progress(round int, scenario, proxy string, r summary) {
	fmt.Fprintf(s.notes, "round %d, %s, %s: %s ms, %s errors; sent late by %s ms (p99), processors %s busy\n",
		round+1, scenario, proxy, r.latencies(" / "), figures.Percent(r.errors),
		figures.Milliseconds(r.late), figures.Percent(r.busy))
}
