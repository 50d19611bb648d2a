package kubernetes

import (
	"context"
	"sync"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
)

// listened passes the events of a watch on. client-go's watch.Filter could do so as well, but
// leaves a goroutine behind when the watch is stopped with an event on its way.
type listened struct {
	events watch.Interface
	cancel context.CancelFunc
	passed chan watch.Event
	stop   func()
	done   chan struct{}
}

// listen hears the errors that a server reports inside of a watch, with a status of 200.
func (l *loud) listen(events watch.Interface, cancel context.CancelFunc) watch.Interface {
	done := make(chan struct{})
	w := &listened{events, cancel, make(chan watch.Event), sync.OnceFunc(func() { close(done) }), done}
	go func() {
		defer l.calls.running.Done()
		defer close(w.passed)
		for event := range events.ResultChan() {
			if event.Type == watch.Error {
				l.heard(l.explain("watch", apierrors.FromObject(event.Object)))
			}
			select {
			case w.passed <- event:
			case <-w.done:
			}
		}
	}()
	return w
}

func (w *listened) ResultChan() <-chan watch.Event { return w.passed }

func (w *listened) Stop() {
	w.stop()
	w.cancel()
	w.events.Stop()
}
