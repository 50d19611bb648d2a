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
	client
	targets []string // addresses that get requests in turn
}

// client sends one request and waits for the whole answer.
type client interface {
	exchange(ctx context.Context, address string, r *request) error

	// rest closes connections that are idle.
	rest()
}

// answer is what the client of a request got.
type answer struct {
	latency time.Duration // from the intended arrival
	late    time.Duration // from the intended arrival until the request left
	failed  bool
	cut     bool // the run ended first
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
		target := g.targets[i%len(g.targets)]
		if r.parked {
			waiting.Go(func() { answers[i] = g.send(parked, start, target, r) })
		} else {
			working.Go(func() { answers[i] = g.send(ctx, start, target, r) })
		}
	}
	working.Wait()
	cutOff()
	waiting.Wait()
	g.rest()
	return answers
}

func (g *generator) send(ctx context.Context, start time.Time, target string, r *request) answer {
	due := start.Add(r.at)
	late := time.Since(due)
	limited, cancel := context.WithDeadline(ctx, due.Add(r.limit()))
	defer cancel()
	err := g.exchange(limited, target, r)
	switch {
	case ctx.Err() != nil:
		return answer{cut: true}
	case err != nil:
		return answer{latency: r.limit(), late: late, failed: true}
	}
	return answer{latency: time.Since(due), late: late}
}

// httpClient sends requests by HTTP.
type httpClient struct{ transport http.RoundTripper }

func newHTTPClient() httpClient {
	return httpClient{&http.Transport{MaxIdleConnsPerHost: 1000, DisableCompression: true}}
}

// exchange sends a request and reads the whole answer. Any status but 200 is an error.
func (c httpClient) exchange(ctx context.Context, address string, r *request) error {
	message, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+r.class.path, nil)
	if err != nil {
		return err
	}
	message.Header.Set(workHeader, r.work.String())
	if r.parked {
		message.Header.Set(parkedHeader, "yes")
	}
	response, err := c.transport.RoundTrip(message)
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

func (c httpClient) rest() {
	if t, ok := c.transport.(*http.Transport); ok {
		t.CloseIdleConnections()
	}
}

type statusError int

func (e statusError) Error() string { return http.StatusText(int(e)) }
