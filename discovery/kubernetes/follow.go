package kubernetes

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/go-logr/logr"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	"k8s.io/klog/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// Run implements discovery.Source. Each run finds the server and connects again, because its
// credentials may have changed.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	server, err := s.access()
	if err != nil {
		return err
	}
	limit := discovery.MaxEndpoints(ctx)
	client, err := connect(server, limit)
	if err != nil {
		return err
	}
	defer client.close()
	namespace := cmp.Or(s.Namespace, server.namespace)
	v := newView(selection{
		namespace:  namespace,
		service:    s.Service,
		port:       s.Port,
		family:     families[s.Family],
		annotation: s.WeightAnnotation,
	}, limit)
	var reporter sync.WaitGroup
	reporting, stop := context.WithCancel(ctx)
	reporter.Go(func() { v.reportChanges(reporting, report) })
	defer reporter.Wait()
	defer stop()
	return client.withoutToken(follow(ctx, limit,
		reflection{client.service(namespace, s.Service), v.services},
		reflection{client.slices(namespace, s.Service), v.slices},
	))
}

// reflection is a resource and the store that mirrors it.
type reflection struct {
	resource
	store limitedStore
}

// limitedStore is a store that calls a function when it is full.
type limitedStore interface {
	cache.ReflectorStore
	whenFull(func(error))
}

// follow keeps all stores up to date. It returns nil when ctx ends, or else the first error. When
// it returns, no request is running. limit is the maximum number of endpoints.
func follow(ctx context.Context, limit int, reflections ...reflection) error {
	// The reflectors log nothing, because every error of theirs is returned.
	running, fail := context.WithCancelCause(klog.NewContext(ctx, logr.Discard()))
	defer fail(nil)
	var calls calls
	var reflectors sync.WaitGroup
	for _, r := range reflections {
		r.store.whenFull(func(err error) { fail(r.explain("keep", err)) })
		lister := &failFast{resource: r.resource, fail: fail, calls: &calls, room: roomFor(limit)}
		reflector := cache.NewReflectorWithOptions(lister, r.kind, r.store, cache.ReflectorOptions{Name: r.name})
		reflectors.Go(func() {
			if err := recovered.Do("the reflector", func() { reflector.RunWithContext(running) }); err != nil {
				fail(r.explain("read", err))
			}
		})
	}
	reflectors.Wait()
	calls.end()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(running)
}

// failFast lists and watches for a reflector, and ends the run with the first error except stale
// versions. A reflector by itself never ends. It repeats a watch that was refused without reporting
// it, and only logs the errors that a server sends inside of a watch. Here the pool reports each
// error and decides on the pause.
type failFast struct {
	resource
	fail  context.CancelCauseFunc
	calls *calls
	room  int    // see roomFor
	pages *pages // of the list that is being read; the goroutine of the reflector owns it
}

// IsWatchListSemanticsUnSupported keeps the reflector from requesting the list as a watch. That
// form is for lists that burden the server. It looks like a server that hangs, and its pauses
// ignore the context.
func (*failFast) IsWatchListSemanticsUnSupported() bool { return true }

// ListWithContext implements cache.ListerWatcherWithContext.
func (l *failFast) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	if !l.calls.begin() {
		return nil, context.Canceled
	}
	defer l.calls.running.Done()
	list, err := l.page(ctx, options)
	hasVersion := options.ResourceVersion > "0" || options.Continue != ""
	if err != nil && !(hasVersion && isStale(err)) {
		l.fail(err)
	}
	return list, err
}

// page returns a list, or a page of one. The limits are for all pages together, because the
// reflector collects them.
func (l *failFast) page(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	if options.Continue == "" {
		l.pages = newPages(l.room)
	}
	if err := l.pages.turn(); err != nil {
		return nil, l.explain("list", err)
	}
	return l.fetch(l.pages.with(ctx), options)
}

// WatchWithContext implements cache.ListerWatcherWithContext. It limits the wait for the answer,
// because a server may accept the connection and hang.
func (l *failFast) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	if !l.calls.begin() {
		return nil, context.Canceled
	}
	ctx, cancel := context.WithCancelCause(ctx)
	hung := time.AfterFunc(maxSilence, func() { cancel(fmt.Errorf("no answer in %s", maxSilence)) })
	events, err := l.watch(ctx, options)
	hung.Stop()
	if err != nil {
		cancel(nil)
		l.calls.running.Done()
		l.failUnlessStale(err)
		return nil, err
	}
	return l.relay(ctx, func() { cancel(nil) }, events), nil
}

// failUnlessStale ends the run with the error of a watch. A watch always has a version, which may
// be stale.
func (l *failFast) failUnlessStale(err error) {
	if !isStale(err) {
		l.fail(err)
	}
}

// isStale reports whether the server no longer has the version, or does not have it yet. A
// reflector then lists again, at once or after a pause.
func isStale(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) ||
		apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge)
}

// calls counts the calls that still use the connections, because a reflector that ends does not
// wait for them.
type calls struct {
	mu      sync.Mutex
	ended   bool
	running sync.WaitGroup
}

// begin counts a call, and reports whether it may start. Its end is running.Done.
func (c *calls) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.ended {
		c.running.Add(1)
	}
	return !c.ended
}

// end refuses further calls and waits for the running ones.
func (c *calls) end() {
	c.mu.Lock()
	c.ended = true
	c.mu.Unlock()
	c.running.Wait()
}

// List implements cache.ListerWatcher, for callers without a context. Reflectors have one.
func (l *failFast) List(options metav1.ListOptions) (runtime.Object, error) {
	return l.ListWithContext(context.Background(), options)
}

// Watch implements cache.ListerWatcher, for callers without a context. Reflectors have one.
func (l *failFast) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return l.WatchWithContext(context.Background(), options)
}

// Interface guards
var (
	_ cache.ListerWatcher            = (*failFast)(nil)
	_ cache.ListerWatcherWithContext = (*failFast)(nil)
)
