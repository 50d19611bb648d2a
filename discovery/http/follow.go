package http

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// maxRetryAfter is the maximum pause that a server may ask for. It is long for a list that requests
// depend on. A server that asks for a day, or has its clock wrong, gets this pause.
const maxRetryAfter = 5 * time.Minute

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	client, closeIdle := s.client()
	defer closeIdle()
	return s.follow(ctx, client, report)
}

// follow polls the list. It also waits for a busy server, because the pool would only know that
// there was an error.
func (s *Source) follow(ctx context.Context, client *http.Client, report discovery.Report) error {
	list := list{source: s, client: client, limit: discovery.MaxEndpoints(ctx)}
	for {
		err := discovery.Poll(ctx, time.Duration(s.Interval), report, list.get)
		var busy *busyError
		if !errors.As(err, &busy) {
			return err
		}
		report(discovery.Answer{Err: err})
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(min(max(busy.pause, time.Duration(s.Interval)), maxRetryAfter)):
		}
	}
}
