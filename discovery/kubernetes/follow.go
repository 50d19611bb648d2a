package kubernetes

import (
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
)

// reflection is a resource and the store that is to be like it.
type reflection struct {
	resource
	store cache.ReflectorStore
}

// follow keeps all stores up to date until ctx ends, or returns the first error.
func follow(ctx context.Context, reflections ...reflection) error {
	// Everything is returned, so the reflectors' log has nothing to say.
	running, fail := context.WithCancelCause(klog.NewContext(ctx, logr.Discard()))
	defer fail(nil)
	var calls calls
	var reflectors sync.WaitGroup
	for _, r := range reflections {
		loud := &failFast{r.resource, fail, &calls}
		reflector := cache.NewReflectorWithOptions(loud, r.kind, r.store, cache.ReflectorOptions{Name: r.name})
		reflectors.Go(func() { reflector.RunWithContext(running) })
	}
	reflectors.Wait()
	calls.end()
	if ctx.Err() != nil {
		return nil
	}
	return context.Cause(running)
}

// loud lets a reflector list and watch, and ends it with the first error that is not a matter of course. By itself a
// reflector goes on forever with pauses of its own: it tries a refused watch again without telling anybody, and
// what a server says inside of a watch goes to a log. Pauses and errors are the pool's.
type failFast struct {
	resource
	fail  context.CancelCauseFunc
	calls *calls
}

// IsWatchListSemanticsUnSupported keeps the reflector from asking for the list in the form of a watch. It is meant for lists
// that are a burden to the server, cannot be told from a server that hangs, and pauses without heeding the context.
func (*failFast) IsWatchListSemanticsUnSupported() bool { return true }

func (l *failFast) ListWithContext(ctx context.Context, options metav1.ListOptions) (runtime.Object, error) {
	if !l.calls.begin() {
		return nil, context.Canceled
	}
	defer l.calls.running.Done()
	list, err := l.fetch(ctx, options)
	ofVersion := options.ResourceVersion > "0" || options.Continue != ""
	if err != nil && !(ofVersion && stale(err)) {
		l.fail(err)
	}
	return list, err
}

func (l *failFast) WatchWithContext(ctx context.Context, options metav1.ListOptions) (watch.Interface, error) {
	if !l.calls.begin() {
		return nil, context.Canceled
	}
	ctx, cancel := context.WithCancelCause(ctx)
	hung := time.AfterFunc(silence, func() { cancel(fmt.Errorf("no answer in %s", silence)) })
	events, err := l.watch(ctx, options)
	hung.Stop()
	if err != nil {
		cancel(nil)
		l.calls.running.Done()
		l.heard(err)
		return nil, err
	}
	return l.listen(ctx, func() { cancel(nil) }, events), nil
}

// heard is told of the errors of watches, each of which is for a version.
func (l *failFast) heard(err error) {
	if !stale(err) {
		l.fail(err)
	}
}

// stale reports whether a server merely no longer has the version, or not yet. A reflector then
// lists anew, at once or after a pause.
func stale(err error) bool {
	return apierrors.IsResourceExpired(err) || apierrors.IsGone(err) ||
		apierrors.HasStatusCause(err, metav1.CauseTypeResourceVersionTooLarge)
}

// calls are what still uses the connections. A reflector that ends does not wait for them.
type calls struct {
	mu      sync.Mutex
	over    bool
	running sync.WaitGroup
}

func (c *calls) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.over {
		c.running.Add(1)
	}
	return !c.over
}

func (c *calls) end() {
	c.mu.Lock()
	c.over = true
	c.mu.Unlock()
	c.running.Wait()
}

// List and Watch are for callers without a context; reflectors have one.
func (l *failFast) List(options metav1.ListOptions) (runtime.Object, error) {
	return l.ListWithContext(context.Background(), options)
}

func (l *failFast) Watch(options metav1.ListOptions) (watch.Interface, error) {
	return l.WatchWithContext(context.Background(), options)
}

// Interface guards
var (
	_ cache.ListerWatcher            = (*failFast)(nil)
	_ cache.ListerWatcherWithContext = (*failFast)(nil)
)
