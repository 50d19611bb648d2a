package dns

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// resolvConf names the resolvers of the system.
const resolvConf = "/etc/resolv.conf"

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	for {
		answer, ttl, err := s.lookUp(ctx, report)
		if err != nil {
			if len(answer.Endpoints) > 0 && !s.listed {
				answer.Partial = true
				report(answer)
			}
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

// lookUp returns the endpoints and their TTL in seconds. With an error, the endpoints are the part
// of the list that came.
func (s *Source) lookUp(ctx context.Context, report discovery.Report) (discovery.Answer, uint32, error) {
	names, resolvers, err := s.names(resolvConf)
	if err != nil {
		return discovery.Answer{}, 0, err
	}
	return s.search(ctx, names, s.serversAt(resolvers), report)
}

// search looks up names in turn until one of them has an answer. A name that fails is passed over,
// as in the resolvers of the C library and of Go, unless the list came from it: the next name may
// be another service. If no name has an answer, the first failure counts.
func (s *Source) search(
	ctx context.Context, names []string, servers []*server, report discovery.Report,
) (discovery.Answer, uint32, error) {
	before, troubled := s.troubled, make(map[question]bool)
	s.troubled = nil // nothing is known of a single question unless others have an answer
	var lookups []*lookup
	for _, name := range names {
		lookups = append(lookups, s.newLookup(name, servers, before))
	}
	trials := newTrials(ctx, lookups, s.listed, report)
	defer trials.end()
	ttl := uint32(math.MaxUint32)
	var failure error
	for _, l := range trials.all {
		found, err := trials.result(l)
		if err != nil && (l.name == s.from || len(found.Endpoints) > 0 || ctx.Err() != nil) {
			return found, 0, err
		}
		failure = cmp.Or(failure, err)
		for q := range l.failed {
			troubled[q] = true
		}
		found.Dropped = append(found.Dropped, l.dropped()...)
		if err == nil && (len(found.Endpoints)+len(found.Dropped) > 0 || found.Authoritative) {
			trials.end()
			s.last, s.troubled, s.from, s.listed = l.remembered(), troubled, l.name, true
			s.rotation.apply(&found, time.Now())
			return found, l.ttl, nil
		}
		ttl = min(ttl, l.ttl)
	}
	return new(discovery.AnswerBuilder).Answer(), ttl, failure
}
