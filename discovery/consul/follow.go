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
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

const (
	// answerTime is the maximum time of an answer beyond the wait. Consul itself holds a query for
	// up to 7s while its servers elect a leader.
	answerTime = 15 * time.Second

	// answersPerSecond limits how often one service is queried. Answers come faster if many
	// instances of the service change, or if a server answers without waiting. A pool does not
	// publish lists that fast, so more queries would burden Consul for nothing.
	answersPerSecond = 10
)

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	connection, err := s.connect()
	if err != nil {
		return err
	}
	defer connection.transport.CloseIdleConnections()
	merger := &merger{source: s, report: report, answers: make([]*answer, len(s.Services))}
	queries, queryCtx := errgroup.WithContext(ctx)
	for i, name := range s.Services {
		queries.Go(func() error {
			err := recovered.Call("the query", func() error {
				return s.follow(queryCtx, connection.Client, name, func(a *answer) { merger.setAnswer(i, a) })
			})
			return fmt.Errorf("service %q: %w", name, err)
		})
	}
	if err := queries.Wait(); ctx.Err() == nil {
		return err
	}
	return nil
}

// answer is Consul's answer to a query for one service.
type answer struct {
	instances []*api.ServiceEntry
	hidden    error // says that Consul hides some instances from the token; otherwise nil
}

// follow queries one service in a loop and passes each answer to handle. It always ends with an
// error. The first query has no index, also in a Run after an error: with an index from before a
// loss of state, a query would hang at Consul for its whole wait.
func (s *Source) follow(ctx context.Context, client *api.Client, service string, handle func(*answer)) error {
	limit := rate.NewLimiter(answersPerSecond, answersPerSecond)
	for index := uint64(0); ; {
		if err := limit.Wait(ctx); err != nil {
			return err
		}
		a, next, err := s.ask(ctx, client, service, index)
		if err != nil {
			return err
		}
		handle(a)
		if next < index { // Consul was restored or lost its state, so the index means nothing to it
			next = 0
		}
		index = next
	}
}

// ask queries one service once and returns the index for the next query. With index 0 Consul
// answers at once. With any other index it answers when the service has changed since that index,
// or at the end of the wait.
func (s *Source) ask(ctx context.Context, client *api.Client, service string, index uint64) (*answer, uint64, error) {
	wait := time.Duration(s.Wait)
	// Without a limit a connection that is dead but open would hold the source for ever.
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
	list := instanceList{limit: discovery.MaxEndpoints(ctx)}
	meta, err := client.Raw().Query("/v1/health/service/"+service, &list, options.WithContext(ctx))
	switch {
	case err != nil:
		return nil, 0, s.readable(ctx, err)
	case list.entries == nil:
		return nil, 0, errors.New("the answer is null; expected a list, is this Consul?")
	case meta.LastIndex == 0:
		// Consul never sends 0. A query with index 0 does not wait, so the loop would not pause.
		return nil, 0, errors.New("the answer has no index; is this Consul?")
	}
	hidden := s.hidden(meta)
	if hidden != nil && len(list.entries) == 0 {
		return nil, 0, hidden
	}
	return &answer{list.entries, hidden}, meta.LastIndex, nil
}

// hidden returns an error if the token may not see all instances. Without it, a list that is hidden
// would look like an empty one.
func (s *Source) hidden(meta *api.QueryMeta) error {
	if meta.ResultsFilteredByACLs {
		return errors.New("instances are hidden from the token; expected one with service:read and node:read")
	}
	return nil
}

// readable makes an error that names the cause and is short.
func (s *Source) readable(ctx context.Context, err error) error {
	var tooLong *http.MaxBytesError
	var refused api.StatusError
	switch {
	case errors.As(err, &refused):
		// The answer may repeat the token, also in part where it is cut off.
		text := discovery.WithoutSecrets(errors.New(refused.Body), s.Token).Error()
		return fmt.Errorf("the agent answered %d: %.*q", refused.Code, maxRefusal, text)
	case errors.As(err, &tooLong):
		return fmt.Errorf("the answer has more than %d bytes", tooLong.Limit)
	case ctx.Err() != nil:
		return context.Cause(ctx)
	}
	return err
}

// merger merges the latest answers for all services of a source into one list.
type merger struct {
	source *Source
	report discovery.Report

	mu      sync.Mutex
	answers []*answer // the latest by service; nil until the first one
}

// setAnswer replaces the answer for service i and reports the merged list. Before every service has
// answered it reports nothing, because a part of the list would look like a loss of the rest.
func (m *merger) setAnswer(i int, a *answer) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.answers[i] = a
	var list listBuilder
	var hidden []error
	for i, a := range m.answers {
		if a == nil {
			return
		}
		if a.hidden != nil {
			hidden = append(hidden, fmt.Errorf("service %q: %w", m.source.Services[i], a.hidden))
		}
		for _, instance := range a.instances {
			list.add(m.source, m.source.Services[i], instance)
		}
	}
	merged := list.Answer()
	merged.Err = errors.Join(hidden...)
	m.report(merged) // under the lock, so that lists are reported in order
}
