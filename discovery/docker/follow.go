package docker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/containerd/errdefs"
	"github.com/moby/moby/api/types/container"
	"github.com/moby/moby/api/types/events"
	"github.com/moby/moby/client"

	"github.com/caddy-balance/caddy-balance/discovery"
)

const (
	// batchTime is the time from an event to the list that follows it, because the start of one
	// container is half a dozen events.
	batchTime = 100 * time.Millisecond

	// resyncInterval limits how long a change without an event, or an engine that stopped
	// answering, goes unnoticed.
	resyncInterval = time.Minute
)

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	client, err := s.connect()
	if err == nil {
		defer func() { _ = client.Close() }()
		f := follower{source: s, client: client}
		err = f.run(ctx, report)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// follower is one run of a source.
type follower struct {
	source *Source
	client *client.Client
}

// run reports the list after each change. It always ends with an error, or with ctx.
func (f *follower) run(ctx context.Context, report discovery.Report) error {
	if err := f.negotiate(ctx); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	stream, err := f.subscribe(ctx, cancel) // before the first list, so that no change in between is missed
	defer drain(stream)
	defer cancel()
	resync, listNow := time.NewTicker(resyncInterval), time.After(0)
	defer resync.Stop()
	for err == nil {
		select {
		case <-resync.C:
			err = f.list(ctx, report)
		case <-listNow:
			listNow = nil
			err = f.list(ctx, report)
		case event := <-stream.Messages:
			if listNow == nil && matters(event) {
				listNow = time.After(batchTime)
			}
		case err = <-stream.Err:
			err = fmt.Errorf("following events: %w", err)
		}
	}
	return err
}

// negotiate agrees with the engine on a version of the API. The client would do so itself, but if
// it gets no answer it goes on with a version that the engine may refuse.
func (f *follower) negotiate(ctx context.Context) error {
	err := f.ask(ctx, func(ctx context.Context) error {
		_, err := f.client.Ping(ctx, client.PingOptions{NegotiateAPIVersion: true})
		return err
	})
	if errdefs.IsPermissionDenied(err) || errdefs.IsUnauthorized(err) || errdefs.IsNotFound(err) {
		err = fmt.Errorf("%w; a proxy before the engine must allow GET and HEAD of /_ping", err)
	}
	if err != nil {
		return fmt.Errorf("asking /_ping for the API version: %w", err)
	}
	return nil
}

// subscribe opens the stream of events of containers and networks. Those of networks show that a
// container joins or leaves one.
func (f *follower) subscribe(ctx context.Context, cancel func()) (client.EventsResult, error) {
	timeout := time.AfterFunc(time.Duration(f.source.Timeout), cancel) // Events waits for the engine without a limit
	types := make(client.Filters).Add("type", string(events.ContainerEventType), string(events.NetworkEventType))
	stream := f.client.Events(ctx, client.EventsListOptions{Filters: types})
	if !timeout.Stop() {
		return stream, fmt.Errorf("following events: %w", f.timeoutError())
	}
	return stream, nil
}

// drain waits until the stream is closed.
func drain(stream client.EventsResult) {
	for range stream.Err {
	}
}

// matters reports whether an event may change the list. Engines name their events differently, so
// every event counts except those of commands inside of containers. Health checks are such
// commands, and cause most events.
func matters(event events.Message) bool { return !strings.HasPrefix(string(event.Action), "exec") }

// list reports the containers as they are now.
func (f *follower) list(ctx context.Context, report discovery.Report) error {
	containers, err := f.containers(ctx)
	if err != nil {
		return fmt.Errorf("listing containers: %w", err)
	}
	var builder discovery.AnswerBuilder
	authoritative := true
	for _, c := range containers {
		switch condition(c) {
		case unhealthy:
			authoritative = false
		case serving:
			owner, err := f.networkOwner(ctx, c)
			if err != nil {
				return err
			}
			if info, err := f.source.endpoint(c, owner); err != nil {
				builder.Drop(name(c), err)
			} else {
				builder.Add(name(c), info)
			}
		}
	}
	answer := builder.Answer()
	answer.Authoritative = authoritative
	report(answer)
	return nil
}

// containers returns the containers with all labels, sorted by name. Each is inspected, because the
// lists of older engines and of Podman lack health and ports.
func (f *follower) containers(ctx context.Context) ([]*container.InspectResponse, error) {
	var listed client.ContainerListResult
	err := f.ask(ctx, func(ctx context.Context) (err error) {
		labelled := make(client.Filters).Add("label", f.source.Labels...) // the engine wants all of them
		listed, err = f.client.ContainerList(ctx, client.ContainerListOptions{Filters: labelled})
		return err
	})
	var all []*container.InspectResponse
	for i := 0; i < len(listed.Items) && err == nil; i++ {
		var one *container.InspectResponse
		if one, err = f.inspect(ctx, listed.Items[i].ID); one != nil {
			all = append(all, one)
		}
	}
	slices.SortFunc(all, func(a, b *container.InspectResponse) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

// inspect returns a container, nil if it was removed.
func (f *follower) inspect(ctx context.Context, id string) (one *container.InspectResponse, err error) {
	err = f.ask(ctx, func(ctx context.Context) error {
		answer, err := f.client.ContainerInspect(ctx, id, client.ContainerInspectOptions{})
		if err == nil {
			one = &answer.Container
		}
		return err
	})
	if errdefs.IsNotFound(err) {
		err = nil
	}
	return one, err
}

// ask calls the engine with the timeout.
func (f *follower) ask(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(f.source.Timeout), f.timeoutError())
	defer cancel()
	err := question(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

func (f *follower) timeoutError() error {
	return fmt.Errorf("no answer within %s", time.Duration(f.source.Timeout))
}
