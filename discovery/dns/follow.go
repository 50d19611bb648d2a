package dns

import (
	"context"
	"fmt"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// resolvConf names the resolvers of the system.
const resolvConf = "/etc/resolv.conf"

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	for {
		answer, ttl, err := s.lookUp(ctx)
		if err != nil {
			return fmt.Errorf("looking up %s: %w", s.Name, err)
		}
		report(answer)
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.refreshAfter(ttl)):
		}
	}
}

// lookUp returns the endpoints and their TTL in seconds. It tries the names of the search list in
// turn.
func (s *Source) lookUp(ctx context.Context) (discovery.Answer, uint32, error) {
	names, resolvers, err := s.names(resolvConf)
	if err != nil {
		return discovery.Answer{}, 0, err
	}
	l := s.newLookup(resolvers)
	for _, name := range names {
		// An error ends the search, because the next name may be another service.
		found, err := l.find(ctx, s, name)
		if err == nil {
			err = ctx.Err() // otherwise half an answer could pass for a whole one
		}
		if err != nil {
			return discovery.Answer{}, 0, err
		}
		found.Dropped = append(found.Dropped, l.failures()...)
		if len(found.Endpoints)+len(found.Dropped) > 0 || found.Authoritative {
			s.last = l.fresh
			return found, l.ttl, nil
		}
	}
	return new(discovery.AnswerBuilder).Answer(), l.ttl, nil
}
