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
	// settle gathers events: starting one container is half a dozen of them.
	settle = 100 * time.Millisecond

	// resync finds out about an engine that stopped answering, and whatever has no event.
	resync = time.Minute
)

// follower follows one engine.
type follower struct {
	source *Source
	client *client.Client
}

// run reports the list after each change. It always ends with an error, or with ctx.
func (f *follower) run(ctx context.Context, report discovery.Report) error {
	ctx, cancel := context.WithCancel(ctx)
	stream, err := f.subscribe(ctx, cancel) // first, so that nothing is missed in between
	defer drain(stream)
	defer cancel()
	again, settled := time.NewTicker(resync), time.After(0)
	defer again.Stop()
	for err == nil {
		select {
		case <-again.C:
			err = f.list(ctx, report)
		case <-settled:
			settled = nil
			err = f.list(ctx, report)
		case event := <-stream.Messages:
			if settled == nil && tells(event) {
				settled = time.After(settle)
			}
		case err = <-stream.Err:
			err = fmt.Errorf("following events: %w", err)
		}
	}
	return err
}

// subscribe opens the stream of events, of which those of networks tell of containers that change theirs.
func (f *follower) subscribe(ctx context.Context, cancel func()) (client.EventsResult, error) {
	late := time.AfterFunc(time.Duration(f.source.Timeout), cancel) // opening it waits for the engine
	types := make(client.Filters).Add("type", string(events.ContainerEventType), string(events.NetworkEventType))
	stream := f.client.Events(ctx, client.EventsListOptions{Filters: types})
	if !late.Stop() {
		return stream, fmt.Errorf("following events: %w", f.late())
	}
	return stream, nil
}

// drain waits for the stream to be closed.
func drain(stream client.EventsResult) {
	for range stream.Err {
	}
}

// tells reports whether the list may be another one after the event. Engines differ in the names of their events, so all count
// but those of commands that run inside, which are most of them: health checks are such commands.
func tells(event events.Message) bool { return !strings.HasPrefix(string(event.Action), "exec") }

// list reports the containers as they are now.
func (f *follower) list(ctx context.Context, report discovery.Report) error {
	containers, err := f.containers(ctx)
	if err != nil {
		return fmt.Errorf("listing containers: %w", err)
	}
	var g discovery.AnswerBuilder
	final := true
	for _, c := range containers {
		switch condition(c) {
		case unhealthy:
			final = false
		case serving:
			if info, err := f.source.endpoint(c); err != nil {
				g.Drop(name(c), err)
			} else {
				g.Add(name(c), info)
			}
		}
	}
	answer := g.Answer()
	answer.Authoritative = final
	report(answer)
	return nil
}

// containers are those with the label, in the order of their names. Each is inspected, because lists of
// older engines and of Podman lack health and ports.
func (f *follower) containers(ctx context.Context) ([]*container.InspectResponse, error) {
	var listed client.ContainerListResult
	err := f.ask(ctx, func(ctx context.Context) (err error) {
		labelled := make(client.Filters).Add("label", f.source.Label)
		listed, err = f.client.ContainerList(ctx, client.ContainerListOptions{Filters: labelled})
		return err
	})
	var all []*container.InspectResponse
	for i := 0; i < len(listed.Items) && err == nil; i++ {
		err = f.ask(ctx, func(ctx context.Context) error {
			one, err := f.client.ContainerInspect(ctx, listed.Items[i].ID, client.ContainerInspectOptions{})
			if err == nil {
				all = append(all, &one.Container)
			}
			return err
		})
		if errdefs.IsNotFound(err) { // it went meanwhile
			err = nil
		}
	}
	slices.SortFunc(all, func(a, b *container.InspectResponse) int { return cmp.Compare(a.Name, b.Name) })
	return all, err
}

func (f *follower) ask(ctx context.Context, question func(context.Context) error) error {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(f.source.Timeout), f.late())
	defer cancel()
	err := question(ctx)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return err
}

func (f *follower) late() error {
	return fmt.Errorf("no answer within %s", time.Duration(f.source.Timeout))
}
