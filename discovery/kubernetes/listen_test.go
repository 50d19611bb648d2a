package kubernetes

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/watch"
)

// relayed relays a watch whose events the test sends through server. failed ends with an error of
// the watch, and ended waits for the end of the relay.
func relayed(t *testing.T) (server *watch.FakeWatcher, events watch.Interface, failed context.Context, ended func()) {
	failed, fail := context.WithCancelCause(t.Context())
	l := &failFast{resource: resource{name: "endpointslices"}, fail: fail, calls: new(calls)}
	l.calls.begin()
	ctx, cancel := context.WithCancel(t.Context())
	server = watch.NewFake()
	return server, l.relay(ctx, cancel, server), failed, l.calls.end
}

func TestASilentWatchIsListedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, events, failed, ended := relayed(t)
		for range 3 {
			time.Sleep(maxSilence - time.Second)
			go server.Action(watch.Bookmark, slice("web"))
			if event := <-events.ResultChan(); event.Type != watch.Bookmark {
				t.Fatalf("got %v before the limit", event)
			}
		}
		event := <-events.ResultChan()
		if event.Type != watch.Error || !apierrors.IsResourceExpired(apierrors.FromObject(event.Object)) {
			t.Errorf("got %v", event)
		}
		if _, more := <-events.ResultChan(); more {
			t.Error("the watch goes on")
		}
		if failed.Err() != nil {
			t.Error("silence is an error although the list can be read")
		}
		ended()
	})
}

func TestAStoppedWatchLeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, events, _, ended := relayed(t)
		server.Add(slice("web")) // which is never received
		events.Stop()
		ended()
	})
}
