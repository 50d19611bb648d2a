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
	// pageSize is the maximum number of keys in one answer. It limits the memory that listing takes
	// in etcd and Caddy.
	pageSize = 1000

	// debounce is the delay of a report after a change. Further changes in that time are part of
	// the same report, so that ten thousand registrations in a second make ten lists.
	debounce = 100 * time.Millisecond
)

// Run implements discovery.Source.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	client, err := s.connect(ctx)
	if err == nil {
		defer func() { _ = client.Close() }()
		w := watcher{source: s, client: client, entries: s.entries()}
		err = w.run(ctx, report)
	}
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// watcher is one run of a source, with its connection and the keys that it has seen.
type watcher struct {
	source  *Source
	client  *clientv3.Client
	entries entries

	cluster  uint64 // the ID of the cluster that was listed
	revision int64  // the highest that etcd has sent
}

// run reports a list and then follows its changes. It always ends with an error.
func (w *watcher) run(ctx context.Context, report discovery.Report) error {
	if err := w.list(ctx); err != nil {
		return fmt.Errorf("listing %s: %w", w.source.prefix, err)
	}
	report(w.entries.answer())
	if err := w.watch(ctx, report); err != nil {
		return fmt.Errorf("watching %s: %w", w.source.prefix, err)
	}
	return nil
}

// list reads all keys below the prefix in pages, all at the revision of the first page.
func (w *watcher) list(ctx context.Context) error {
	limit, next := int64(pageSize), w.source.prefix
	for {
		page, err := w.get(ctx, next, clientv3.WithRange(clientv3.GetPrefixRangeEnd(w.source.prefix)),
			clientv3.WithLimit(limit), clientv3.WithRev(w.revision))
		if status.Code(err) == codes.ResourceExhausted && limit > 1 { // the page is larger than maxMessage
			limit /= 2
			continue
		}
		if err != nil {
			return err
		}
		if w.revision == 0 {
			w.cluster, w.revision = page.Header.ClusterId, page.Header.Revision
		}
		for _, kv := range page.Kvs {
			w.entries.put(kv)
		}
		if !page.More || len(page.Kvs) == 0 {
			return nil
		}
		next = string(page.Kvs[len(page.Kvs)-1].Key) + "\x00"
	}
}

// watch applies and reports all changes after the list. It ends with an error, or with nil when ctx
// is done.
func (w *watcher) watch(ctx context.Context, report discovery.Report) error {
	ctx, cancel := context.WithCancel(clientv3.WithRequireLeader(ctx))
	defer cancel()
	timeout := time.AfterFunc(time.Duration(w.source.Timeout), cancel) // Watch blocks until etcd answers
	responses := w.client.Watch(ctx, w.source.prefix,
		clientv3.WithPrefix(), clientv3.WithRev(w.revision+1), clientv3.WithFragment())
	if !timeout.Stop() {
		return w.timeoutError()
	}
	check := time.NewTicker(w.source.interval)
	defer check.Stop()
	var reportDue <-chan time.Time // nil if nothing has changed since the last report
	for {
		var err error
		select {
		case <-ctx.Done():
			return nil
		case response, open := <-responses:
			if err = w.apply(response, open); err == nil && reportDue == nil {
				reportDue = time.After(debounce)
			}
		case <-reportDue:
			reportDue = nil
			report(w.entries.answer())
		case <-check.C:
			err = w.check(ctx)
		}
		if err != nil {
			return err
		}
	}
}

// apply applies the changes of one response of the watch.
func (w *watcher) apply(response clientv3.WatchResponse, open bool) error {
	if err := response.Err(); err != nil {
		return err
	}
	if !open {
		return errors.New("etcd ended the watch")
	}
	w.revision = max(w.revision, response.Header.Revision)
	for _, event := range response.Events {
		if event.Type == clientv3.EventTypeDelete {
			w.entries.delete(event.Kv)
		} else {
			w.entries.put(event.Kv)
		}
	}
	return nil
}

// check reports whether etcd still has the state that was listed, or a newer one. A silent watch
// does not show that: perhaps nothing has changed, perhaps the connection is dead, and perhaps
// etcd's state went back.
func (w *watcher) check(ctx context.Context) error {
	answer, err := w.get(ctx, w.source.prefix, clientv3.WithCountOnly())
	switch {
	case err != nil:
		return err
	case answer.Header.ClusterId != w.cluster:
		return fmt.Errorf("etcd is another cluster: %x instead of %x", answer.Header.ClusterId, w.cluster)
	case answer.Header.Revision < w.revision:
		return fmt.Errorf("etcd went back to an older state: to revision %d from %d",
			answer.Header.Revision, w.revision)
	}
	w.revision = answer.Header.Revision
	return nil
}

// get reads keys within the timeout.
func (w *watcher) get(ctx context.Context, key string, opts ...clientv3.OpOption) (*clientv3.GetResponse, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, time.Duration(w.source.Timeout), w.timeoutError())
	defer cancel()
	answer, err := w.client.Get(ctx, key, opts...)
	if err != nil && ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return answer, err
}

func (w *watcher) timeoutError() error {
	return fmt.Errorf("no answer within %s", time.Duration(w.source.Timeout))
}
