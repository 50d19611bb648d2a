package consul

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"time"

	"github.com/hashicorp/consul/api"
	"golang.org/x/sync/errgroup"
	"golang.org/x/time/rate"

	"github.com/caddy-balance/caddy-balance/discovery"
)

const (
	// answerTime is what an answer may take beyond the wait. Consul itself holds a query for up to 7s while
	// its servers elect a leader.
	answerTime = 15 * time.Second

	// More answers than a pool publishes would be work for nothing, for Consul too. They come that fast only when a
	// service has many instances that change, or something answers that does not wait.
	answersPerSecond = 10
)

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	connection, err := s.connect()
	if err != nil {
		return err
	}
	defer connection.transport.CloseIdleConnections()
	services := &services{source: s, report: report, answers: make([]*answer, len(s.Services))}
	queries, following := errgroup.WithContext(ctx)
	for i, name := range s.Services {
		queries.Go(func() error {
			if err := s.follow(following, connection.Health(), name, func(a *answer) { services.take(i, a) }); err != nil {
				return fmt.Errorf("service %q: %w", name, err)
			}
			return nil
		})
	}
	if err := queries.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}

// answer is what Consul said of one service.
type answer struct {
	instances []*api.ServiceEntry
	hidden    error // that some instances may not be seen
}

// follow asks for one service again and again. It starts without an index, and so does every Run after an error: a query
// with an index from before a loss of state would hang at Consul for its whole wait.
func (s *Source) follow(ctx context.Context, health *api.Health, service string, take func(*answer)) error {
	limit := rate.NewLimiter(answersPerSecond, answersPerSecond)
	for index := uint64(0); ; {
		if err := limit.Wait(ctx); err != nil {
			return err
		}
		a, next, err := s.ask(ctx, health, service, index)
		if err != nil {
			return err
		}
		take(a)
		if next < index { // Consul was restored or lost its state
			next = 0
		}
		index = next
	}
}

// ask returns at once with index 0, else when Consul knows more than it did at index, or after the wait.
func (s *Source) ask(ctx context.Context, health *api.Health, service string, index uint64) (*answer, uint64, error) {
	wait := time.Duration(s.Wait)
	// A connection that is dead but open must not hold us for ever.
	ctx, cancel := context.WithTimeoutCause(ctx, wait+wait/16+answerTime, errors.New("no answer in time"))
	defer cancel()
	options := &api.QueryOptions{
		Datacenter: s.Datacenter,
		Filter:     s.Filter,
		NodeMeta:   s.NodeMeta,
		AllowStale: s.AllowStale,
		WaitIndex:  index,
		WaitTime:   wait,
	}
	instances, meta, err := s.query(health, service, options.WithContext(ctx))
	switch {
	case err != nil:
		return nil, 0, readable(ctx, err)
	case instances == nil:
		return nil, 0, errors.New("the answer is null; expected a list, is this Consul?")
	case meta.LastIndex == 0:
		// Consul never says 0. Asking with 0 would not wait, so this would ask without a pause.
		return nil, 0, errors.New("the answer has no index; is this Consul?")
	}
	hidden := s.hidden(meta)
	if hidden != nil && len(instances) == 0 {
		return nil, 0, hidden
	}
	return &answer{instances, hidden}, meta.LastIndex, nil
}

// query keeps a panic of Consul's client, such as on a check whose definition is null, from ending Caddy.
func (s *Source) query(health *api.Health, service string, options *api.QueryOptions) (list []*api.ServiceEntry, meta *api.QueryMeta, err error) {
	defer func() {
		if problem := recover(); problem != nil {
			err = fmt.Errorf("the answer cannot be read: %v", problem)
		}
	}()
	return health.ServiceMultipleTags(service, s.Tags, !s.PassWarning, options)
}

// hidden tells an empty list from one that the token may not see: Consul answers both alike.
func (s *Source) hidden(meta *api.QueryMeta) error {
	if meta.ResultsFilteredByACLs {
		return errors.New("instances are hidden from the token; expected one with service:read and node:read")
	}
	return nil
}

func readable(ctx context.Context, err error) error {
	var tooLong *http.MaxBytesError
	var refused api.StatusError
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("the agent answered %d: %.*q", refused.Code, maxRefusal, refused.Body)
	case errors.As(err, &tooLong):
		return fmt.Errorf("the answer has more than %d bytes", tooLong.Limit)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// services is what Consul last said of all services of a source.
type services struct {
	source *Source
	report discovery.Report

	mu      sync.Mutex
	answers []*answer // by service; nil until the first one
}

// take reports the whole list once every service has answered.
func (s *services) take(i int, a *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[i] = a
	var list gathering
	var hidden []error
	for i, a := range s.answers {
		if a == nil {
			return
		}
		if a.hidden != nil {
			hidden = append(hidden, fmt.Errorf("service %q: %w", s.source.Services[i], a.hidden))
		}
		for _, instance := range a.instances {
			list.add(s.source, s.source.Services[i], instance)
		}
	}
	whole := list.Answer()
	whole.Err = errors.Join(hidden...)
	s.report(whole) // under the lock, so that an older list never comes after a newer one
}
