package kubernetes

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
)

// maxSilence limits the time between two events of a watch. A server sends a bookmark every minute.
// But after its data was restored from a backup it may not have reached the watch's version. It
// accepts the watch all the same, and sends nothing until then.
const maxSilence = 3 * time.Minute

// relayedWatch passes the events of a watch on. client-go's watch.Filter would leak a goroutine
// when the watch is stopped while an event is on its way.
type relayedWatch struct {
	watch.Interface
	cancel  context.CancelFunc
	relayed chan watch.Event
}

// relay passes the events on, and ends the run with an error that the server sends inside of the
// watch. Such a watch has the status 200. cancel ends ctx.
func (l *failFast) relay(ctx context.Context, cancel context.CancelFunc, events watch.Interface) watch.Interface {
	w := &relayedWatch{events, cancel, make(chan watch.Event)}
	go func() {
		defer l.calls.running.Done()
		defer close(w.relayed)
		defer w.Stop()
		for w.relayOne(ctx, l.inspect) {
		}
	}()
	return w
}

// inspect ends the run if the event is an error that is not stale.
func (l *failFast) inspect(event watch.Event) {
	if event.Type == watch.Error {
		l.failUnlessStale(l.explain("watch", apierrors.FromObject(event.Object)))
	}
}

// relayOne waits for an event and passes it on, and reports whether there may be another. It stops
// after an event that it could not pass on, because the next one would move the version past it.
func (w *relayedWatch) relayOne(ctx context.Context, inspect func(watch.Event)) (more bool) {
	var event watch.Event
	select {
	case event, more = <-w.Interface.ResultChan():
		if !more {
			return false
		}
		inspect(event)
	case <-time.After(maxSilence):
		// A reflector lists again when its version has expired. If the server does not answer the
		// list either, that is an error.
		event = watch.Event{Type: watch.Error, Object: &apierrors.NewResourceExpired("silence").ErrStatus}
	case <-ctx.Done():
		return false
	}
	select {
	case w.relayed <- event:
		return more
	case <-ctx.Done():
		return false
	}
}

// ResultChan implements watch.Interface.
func (w *relayedWatch) ResultChan() <-chan watch.Event { return w.relayed }

// Stop implements watch.Interface.
func (w *relayedWatch) Stop() {
	w.cancel()
	w.Interface.Stop()
}
