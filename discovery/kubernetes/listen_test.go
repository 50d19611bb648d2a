package kubernetes

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
)

// listening is a watch of a server that says what the test makes it say.
func listening(t *testing.T) (server *watch.FakeWatcher, heard watch.Interface, failed context.Context, ended func()) {
	failed, fail := context.WithCancelCause(t.Context())
	l := &failFast{resource: resource{name: "endpointslices"}, fail: fail, calls: new(calls)}
	l.calls.begin()
	ctx, cancel := context.WithCancel(t.Context())
	server = watch.NewFake()
	return server, l.listen(ctx, cancel, server), failed, l.calls.end
}

func TestAWatchThatIsSilentIsListedAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, heard, failed, ended := listening(t)
		for range 3 {
			time.Sleep(silence - time.Second)
			go server.Action(watch.Bookmark, slice("web"))
			if event := <-heard.ResultChan(); event.Type != watch.Bookmark {
				t.Fatalf("got %v before the silence was long", event)
			}
		}
		event := <-heard.ResultChan()
		if event.Type != watch.Error || !apierrors.IsResourceExpired(apierrors.FromObject(event.Object)) {
			t.Errorf("got %v", event)
		}
		if _, more := <-heard.ResultChan(); more {
			t.Error("the watch goes on")
		}
		if failed.Err() != nil {
			t.Error("that is no error as long as the list can be read")
		}
		ended()
	})
}

func TestAStoppedWatchLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, heard, _, ended := listening(t)
		server.Add(slice("web")) // which nobody takes
		heard.Stop()
		ended()
	})
}
