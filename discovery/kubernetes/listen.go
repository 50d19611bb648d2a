package kubernetes

import (
	"context"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
)

// silence is how long a watch may say nothing. A server sends a bookmark every minute; but it also accepts a watch from a
// version that is yet to come, as after its data was restored from a backup, and is silent until then.
const silence = 3 * time.Minute

// listened passes the events of a watch on. client-go's watch.Filter could do so as well, but
// leaves a goroutine behind when the watch is stopped with an event on its way.
type listened struct {
	watch.Interface
	cancel context.CancelFunc
	passed chan watch.Event
}

// listen hears the errors that a server reports inside of a watch, with a status of 200. cancel ends ctx.
func (l *failFast) listen(ctx context.Context, cancel context.CancelFunc, events watch.Interface) watch.Interface {
	w := &listened{events, cancel, make(chan watch.Event)}
	go func() {
		defer l.calls.running.Done()
		defer close(w.passed)
		defer w.Stop()
		for w.pass(ctx, l.hear) {
		}
	}()
	return w
}

func (l *failFast) hear(event watch.Event) {
	if event.Type == watch.Error {
		l.heard(l.explain("watch", apierrors.FromObject(event.Object)))
	}
}

// pass waits for an event and passes it on. None is passed after one that could not be: the version would move past it.
func (w *listened) pass(ctx context.Context, hear func(watch.Event)) (more bool) {
	var event watch.Event
	select {
	case event, more = <-w.Interface.ResultChan():
		if !more {
			return false
		}
		hear(event)
	case <-time.After(silence):
		// What makes a reflector list anew. If the server does not answer that either, it is an error.
		event = watch.Event{Type: watch.Error, Object: &apierrors.NewResourceExpired("silence").ErrStatus}
	case <-ctx.Done():
		return false
	}
	select {
	case w.passed <- event:
		return more
	case <-ctx.Done():
		return false
	}
}

func (w *listened) ResultChan() <-chan watch.Event { return w.passed }

func (w *listened) Stop() {
	w.cancel()
	w.Interface.Stop()
}
