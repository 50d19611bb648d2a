package main

import (
	"context"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/arrivals"
)

// generator sends requests at the times at which they are due, whether or not earlier ones have
// been answered.
type generator struct {
	transport http.RoundTripper
	targets   []string // URLs that get requests in turn
}

// answer is what the client of a request got.
type answer struct {
	latency time.Duration // from the intended arrival
	late    time.Duration // from the intended arrival until the request left
	failed  bool
	cut     bool // the run ended first
}

func newGenerator(addresses ...string) *generator {
	g := &generator{transport: &http.Transport{MaxIdleConnsPerHost: 1000, DisableCompression: true}}
	for _, a := range addresses {
		g.targets = append(g.targets, "http://"+a)
	}
	return g
}

// run sends the requests and returns their answers in the same order. Parked requests that are left
// when all others have been answered are cut off, because they need not hold up the next run.
func (g *generator) run(ctx context.Context, start time.Time, requests []request) []answer {
	answers := make([]answer, len(requests))
	parked, cutOff := context.WithCancel(ctx)
	defer cutOff()
	var working, waiting sync.WaitGroup
	for i := range requests {
		r := &requests[i]
		if !arrivals.Wait(ctx, start.Add(r.at)) {
			break
		}
		url := g.targets[i%len(g.targets)] + r.class.path
		if r.parked {
			waiting.Go(func() { answers[i] = g.send(parked, start, url, r) })
		} else {
			working.Go(func() { answers[i] = g.send(ctx, start, url, r) })
		}
	}
	working.Wait()
	cutOff()
	waiting.Wait()
	if t, ok := g.transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
	return answers
}

func (g *generator) send(ctx context.Context, start time.Time, url string, r *request) answer {
	due := start.Add(r.at)
	late := time.Since(due)
	limited, cancel := context.WithDeadline(ctx, due.Add(r.limit()))
	defer cancel()
	err := g.exchange(limited, url, r)
	switch {
	case ctx.Err() != nil:
		return answer{cut: true}
	case err != nil:
		return answer{latency: r.limit(), late: late, failed: true}
	}
	return answer{latency: time.Since(due), late: late}
}

// exchange sends a request and reads the whole answer. Any status but 200 is an error.
func (g *generator) exchange(ctx context.Context, url string, r *request) error {
	message, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return err
	}
	message.Header.Set(workHeader, r.work.String())
	if r.parked {
		message.Header.Set(parkedHeader, "yes")
	}
	response, err := g.transport.RoundTrip(message)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return err
	}
	if response.StatusCode != http.StatusOK {
		return statusError(response.StatusCode)
	}
	return nil
}

type statusError int

func (e statusError) Error() string { return http.StatusText(int(e)) }
