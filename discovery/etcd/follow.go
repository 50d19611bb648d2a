package etcd

import (
	"context"
	"errors"
	"fmt"
	"time"

	clientv3 "go.etcd.io/etcd/client/v3"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/caddy-balance/caddy-balance/discovery"
)

const (
	// pageSize bounds what etcd and Caddy hold of a list at once. Ten pages are the largest
	// pool that is tested for.
	pageSize = 1000

	// settle gathers changes before the list is reported: ten thousand registrations in a second
	// are ten lists and not ten thousand.
	settle = 100 * time.Millisecond
)

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	client, err := s.connect(ctx)
	if err == nil {
		defer func() { _ = client.Close() }()
		f := follower{source: s, client: client, entries: entries{prefix: s.prefix}}
		err = f.run(ctx, report)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// follower is one run of a source: one connection, and the keys as they were last seen.
type follower struct {
	source  *Source
	client  *clientv3.Client
	entries entries

	cluster  uint64
	revision int64 // the highest that etcd has told of
}

func (f *follower) run(ctx context.Context, report discovery.Report) error {
	if err := f.list(ctx); err != nil {
		return fmt.Errorf("listing %s: %w", f.source.prefix, err)
	}
	report(f.entries.answer())
	if err := f.watch(ctx, report); err != nil {
		return fmt.Errorf("watching %s: %w", f.source.prefix, err)
	}
	return nil
}

// list reads all keys as they were at one revision.
func (f *follower) list(ctx context.Context) error {
	limit, next := int64(pageSize), f.source.prefix
	for {
		page, err := f.get(ctx, next, clientv3.WithRange(clientv3.GetPrefixRangeEnd(f.source.prefix)),
			clientv3.WithLimit(limit), clientv3.WithRev(f.revision))
		if status.Code(err) == codes.ResourceExhausted && limit > 1 { // large values
			limit /= 2
			continue
		}
		if err != nil {
			return err
		}
		if f.revision == 0 {
			f.cluster, f.revision = page.Header.ClusterId, page.Header.Revision
		}
		for _, kv := range page.Kvs {
			f.entries.put(kv)
		}
		if !page.More || len(page.Kvs) == 0 {
			return nil
		}
		next = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
}

// watch follows what happened after the list. It always ends with an error, or with ctx.
func (f *follower) watch(ctx context.Context, report discovery.Report) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	late := time.AfterFunc(time.Duration(f.source.Timeout), cancel) // opening a watch waits for etcd, and knows no timeout
	responses := f.client.Watch(ctx, f.source.prefix, clientv3.WithPrefix(), clientv3.WithRev(f.revision+1), clientv3.WithFragment())
	if !late.Stop() {
		return f.late()
	}
	check := time.NewTicker(f.source.interval)
	defer check.Stop()
	var settled <-chan time.Time
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case response, open := <-responses:
			if err = f.apply(response, open); err == nil && settled == nil {
				settled = time.After(settle)
			}
		case <-settled:
			settled = nil
			report(f.entries.answer())
		case <-check.C:
			err = f.check(ctx)
		}
		if err != nil {
			return err
		}
	}
}

func (f *follower) apply(response clientv3.WatchResponse, open bool) error {
	if err := response.Err(); err != nil {
		return err
	}
	if !open {
		return errors.New("etcd ended the watch")
	}
	f.revision = max(f.revision, response.Header.Revision)
	for _, event := range response.Events {
		if event.Type == clientv3.EventTypeDelete {
			f.entries.delete(event.Kv)
		} else {
			f.entries.put(event.Kv)
		}
	}
	return nil
}

// check asks whether etcd is still the one that was listed. A watch cannot tell: where nothing comes, there
// may be nothing new, or nobody at the other end, or an etcd whose state went back.
func (f *follower) check(ctx context.Context) error {
	answer, err := f.get(ctx, f.source.prefix, clientv3.WithCountOnly())
	switch {
	case err != nil:
		return err
	case answer.Header.ClusterId != f.cluster:
		return errors.New("this is another cluster now")
	case answer.Header.Revision < f.revision:
		return fmt.Errorf("etcd went back to an older state: to revision %d from %d", answer.Header.Revision, f.revision)
	}
	f.revision = answer.Header.Revision
	return nil
}

func (f *follower) get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(f.source.Timeout), f.late())
	defer cancel()
	answer, err := f.client.Get(ctx, key, opts...)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return answer, err
}

func (f *follower) late() error {
	return fmt.Errorf("no answer within %s", time.Duration(f.source.Timeout))
}
