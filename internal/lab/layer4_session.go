package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/figures"
)

// connectionSession measures proxies of layer 4 and keeps the results.
type connectionSession struct {
	*options
	proxies []installed
	folder  string
	notes   io.Writer

	results []connectionResult
}

// connectionResult is one round of a proxy.
type connectionResult struct {
	proxy string
	connectionSummary
}

// connectionSummary is one round in numbers.
type connectionSummary struct {
	first    summary // the time from the arrival of a client to its first byte
	perSec   float64 // connections, of clients that come back at once
	each     time.Duration
	failed   float64 // share of those connections
	up, down streamSummary
}

// streamSummary is one stream in numbers.
type streamSummary struct {
	rate float64       // bytes per second
	cost time.Duration // processor time of the proxy for each GB
}

// withoutProxy stands for the backends themselves.
const withoutProxy = "none"

// The number of backends, and that of clients of the closed loop. These are twice the usual number
// of processors, so that a proxy always has something to do.
const (
	connectionBackends = 4
	connectionClients  = 8
)

// measure runs all rounds. Within a round the proxies take turns, and each round begins with
// another of them.
func (s *connectionSession) measure(ctx context.Context) error {
	for round := range s.rounds {
		if err := s.measureRound(ctx, round, nil); err != nil {
			return err
		}
		for i := range s.proxies {
			if err := s.measureRound(ctx, round, &s.proxies[(i+round)%len(s.proxies)]); err != nil {
				return err
			}
		}
	}
	return nil
}

// measureRound measures a proxy, or the backends alone if that is nil.
func (s *connectionSession) measureRound(ctx context.Context, round int, p *installed) error {
	backends, stop, err := startConnectionFleet(connectionBackends)
	if err != nil {
		return err
	}
	defer stop()
	t := &target{name: withoutProxy, address: backends[0]}
	if p != nil {
		folder := filepath.Join(s.folder, fmt.Sprint(len(s.results)))
		if err := os.Mkdir(folder, 0o755); err != nil {
			return err
		}
		running, err := startProxy(ctx, *p, folder, backends)
		if err != nil {
			return err
		}
		defer running.Kill()
		t = &target{name: p.String(), address: running.address, pid: running.ID()}
	}
	r, err := t.measure(ctx, s.options, round)
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case err != nil:
		return fmt.Errorf("%s: %w", t.name, err)
	}
	s.results = append(s.results, connectionResult{t.name, r})
	fmt.Fprintf(s.notes, "round %d, %s: %.0f connections/s, %s ms to the first byte; sent late by %s ms (p99), "+
		"processors %s busy\n", round+1, t.name, r.perSec, r.first.latencies(" / "),
		figures.Milliseconds(r.first.late), figures.Percent(r.first.busy))
	return nil
}

// target is what clients connect to.
type target struct {
	name, address string
	pid           int // 0 without a proxy
}

// connecting draws the arrivals of clients.
var connecting = scenario{name: "connecting", classes: []class{{path: quickPath, share: 1}}}

// measure runs the open loop, the closed loop and both streams.
func (t *target) measure(ctx context.Context, o *options, round int) (r connectionSummary, err error) {
	requests := draw(&connecting, o, round)
	before := readProcessors()
	answers := (&generator{connectionClient{}, []string{t.address}}).run(ctx, time.Now(), requests)
	r.first = summarize(requests, answers, latency)
	r.first.busy = readProcessors().busySince(before)

	begin, used := time.Now(), t.processorTime()
	answered, failed := closedLoop(ctx, t.address, connectionClients, o.duration)
	if answered == 0 {
		return r, errors.New("no connection had an answer")
	}
	r.perSec = float64(answered) / time.Since(begin).Seconds()
	r.each = (t.processorTime() - used) / time.Duration(answered)
	r.failed = float64(failed) / float64(answered+failed)

	if r.up, err = t.stream(ctx, wantNothing, o.duration); err == nil {
		r.down, err = t.stream(ctx, wantAllBytes, o.duration)
	}
	return r, err
}

func (t *target) stream(ctx context.Context, want byte, d time.Duration) (r streamSummary, err error) {
	begin, used := time.Now(), t.processorTime()
	sum, err := stream(ctx, t.address, want, d)
	if err != nil {
		return r, err
	}
	r.rate = float64(sum) / time.Since(begin).Seconds()
	r.cost = time.Duration(float64(t.processorTime()-used) / float64(sum) * 1e9)
	return r, nil
}

func (t *target) processorTime() time.Duration {
	if t.pid == 0 {
		return 0
	}
	return processorTime(t.pid)
}
