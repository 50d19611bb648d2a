package kubernetes

import (
	"context"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
)

// listened passes the events of a watch on. client-go's watch.Filter could do so as well, but
// leaves a goroutine behind when the watch is stopped with an event on its way.
type listened struct {
	watch.Interface
	cancel context.CancelFunc
	passed chan watch.Event
}

// listen hears the errors that a server reports inside of a watch, with a status of 200. cancel ends ctx.
func (l *loud) listen(ctx context.Context, cancel context.CancelFunc, events watch.Interface) watch.Interface {
	w := &listened{events, cancel, make(chan watch.Event)}
	go func() {
		defer l.calls.running.Done()
		defer close(w.passed)
		defer w.Stop()
		for event := range events.ResultChan() {
			if event.Type == watch.Error {
				l.heard(l.explain("watch", apierrors.FromObject(event.Object)))
			}
			select {
			case w.passed <- event:
			case <-ctx.Done():
				return // and pass no later one: the version would move past this one
			}
		}
	}()
	return w
}

func (w *listened) ResultChan() <-chan watch.Event { return w.passed }

func (w *listened) Stop() {
	w.cancel()
	w.Interface.Stop()
}
