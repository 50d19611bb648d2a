package kubernetes

import (
	"slices"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/discovery"
)

func TestASourceReportsTheEndpointsOfAService(t *testing.T) {
	api := newFakeAPI(t)
	api.put(service(), slice("web-a", ready("10.0.0.1"), ready("10.0.0.2")), slice("web-b", ready("10.0.0.3")))
	run(t, api).wants("10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080")
}

// An old list from the cache of a server that lags behind would undo changes that the pool has
// made.
func TestASourceAsksForTheNewestList(t *testing.T) {
	api := newFakeAPI(t)
	run(t, api).wants()
	for _, want := range []string{`list services from ""`, `list endpointslices from ""`} {
		if !slices.Contains(api.requestLog(), want) {
			t.Errorf("got %q; want %q", api.requestLog(), want)
		}
	}
}

func TestASourceReportsNothingBeforeItHasBothLists(t *testing.T) {
	api := newFakeAPI(t)
	api.put(service(), slice("web-a", ready("10.0.0.1")))
	r := run(t, api)
	r.wants("10.0.0.1:8080")
	if n := len(r.all()); n != 1 {
		t.Errorf("got %d answers; want 1", n)
	}
}

func TestChangesArriveThroughTheWatch(t *testing.T) {
	api := newFakeAPI(t)
	a := slice("web-a", ready("10.0.0.1"))
	api.put(service(), a)
	r := run(t, api)
	r.wants("10.0.0.1:8080")
	api.put(slice("web-b", ready("10.0.0.2")))
	r.wants("10.0.0.1:8080", "10.0.0.2:8080")
	api.put(slice("web-b", terminating("10.0.0.2"), ready("10.0.0.3")))
	r.wants("10.0.0.1:8080", "10.0.0.2:8080 draining", "10.0.0.3:8080")
	api.remove(a)
	answer := r.wants("10.0.0.2:8080 draining", "10.0.0.3:8080")
	if answer.Authoritative {
		t.Error("a slice that vanished is authoritative, although its Service exists")
	}
}

func TestAChangeOfTheServiceIsReported(t *testing.T) {
	api := newFakeAPI(t)
	s := service()
	api.put(s, slice("web-a", ready("10.0.0.1")))
	r := run(t, api)
	r.wants("10.0.0.1:8080")
	s = service()
	s.Annotations = map[string]string{defaultWeightAnnotation: "7"}
	api.put(s)
	r.wants("10.0.0.1:8080 weight 7")
}

func TestDeletingTheServiceIsAuthoritative(t *testing.T) {
	api := newFakeAPI(t)
	s := service()
	api.put(s, slice("web-a", ready("10.0.0.1")))
	r := run(t, api)
	r.wants("10.0.0.1:8080")
	api.remove(s)
	answer := r.wants()
	if !answer.Authoritative || answer.Err == nil || answer.Err.Error() != "service shop/web was deleted" {
		t.Errorf("got authoritative %v, %v", answer.Authoritative, answer.Err)
	}
	api.put(service())
	if answer := r.wants("10.0.0.1:8080"); answer.Authoritative || answer.Err != nil {
		t.Errorf("after it came back: got authoritative %v, %v", answer.Authoritative, answer.Err)
	}
}

func TestALostServiceIsNotAuthoritative(t *testing.T) {
	api := newFakeAPI(t)
	s := service()
	api.put(s, slice("web-a", ready("10.0.0.1")))
	r := run(t, api)
	r.wants("10.0.0.1:8080")
	api.lose(s)
	api.compact()
	api.endWatches()
	answer := r.wants()
	wantsMissing(t, answer)
}

// wantsMissing checks that an answer reports a missing Service, whose loss the pool delays.
func wantsMissing(t *testing.T, answer discovery.Answer) {
	t.Helper()
	if answer.Authoritative || answer.Err != nil || len(answer.Dropped) != 1 || answer.Dropped[0].Key != "service shop/web" {
		t.Errorf("got authoritative %v, %v, dropped %v", answer.Authoritative, answer.Err, answer.Dropped)
	}
}

func TestASourceReportsAMissingServiceAndWaitsForIt(t *testing.T) {
	api := newFakeAPI(t)
	r := run(t, api)
	answer := r.wants()
	wantsMissing(t, answer)
	api.put(slice("web-a", ready("10.0.0.1")), service())
	r.wants("10.0.0.1:8080")
}

func TestAServiceWithoutTheChosenPortKeepsTheList(t *testing.T) {
	api := newFakeAPI(t)
	api.put(service(), slice("web-a", ready("10.0.0.1")))
	r := run(t, api)
	r.wants("10.0.0.1:8080")
	api.put(service("http 80", "metrics 9090"))
	r.wantsAnswer("an error and no list", func(a discovery.Answer) bool {
		return a.Endpoints == nil && a.Err != nil && strings.Contains(a.Err.Error(), "has several ports; expected one of http 80, metrics 9090")
	})
}

func TestLongListsAreReadByPages(t *testing.T) {
	api := newFakeAPI(t)
	api.pageSize = 2
	api.put(service(), slice("a", ready("10.0.0.1")), slice("b", ready("10.0.0.2")), slice("c", ready("10.0.0.3")), slice("d", ready("10.0.0.4")), slice("e", ready("10.0.0.5")))
	run(t, api).wants("10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080", "10.0.0.4:8080", "10.0.0.5:8080")
}

func TestAWatchThatEndsContinuesAtItsVersion(t *testing.T) {
	api := newFakeAPI(t)
	api.put(service(), slice("web-a", ready("10.0.0.1")))
	r := run(t, api)
	r.wants("10.0.0.1:8080")
	api.put(slice("web-b", ready("10.0.0.2")))
	r.wants("10.0.0.1:8080", "10.0.0.2:8080")
	api.endWatches()
	api.put(slice("web-c", ready("10.0.0.3")))
	r.wants("10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080")
	if lists := api.count("list endpointslices"); lists != 1 {
		t.Errorf("listed %d times; want once", lists)
	}
}

func TestABookmarkKeepsAQuietWatchFromExpiring(t *testing.T) {
	api := newFakeAPI(t)
	api.put(service(), slice("web-a", ready("10.0.0.1")))
	r := run(t, api)
	api.awaitRequest("watching endpointslices")
	api.compact()
	api.bookmark()
	api.endWatches()
	api.put(slice("web-b", ready("10.0.0.2")))
	r.wants("10.0.0.1:8080", "10.0.0.2:8080")
	if lists := api.count("list endpointslices"); lists != 1 {
		t.Errorf("listed %d times; want once", lists)
	}
}

func TestAnExpiredVersionIsListedAgain(t *testing.T) {
	for name, answer := range expirations {
		t.Run(name, func(t *testing.T) {
			api := newFakeAPI(t)
			gone := slice("web-a", ready("10.0.0.1"))
			api.put(service(), gone, slice("web-b", ready("10.0.0.2")))
			r := run(t, api)
			r.wants("10.0.0.1:8080", "10.0.0.2:8080")
			api.lose(gone) // between two watches
			api.compact()
			api.answerInstead(answer)
			api.endWatches()
			r.wants("10.0.0.2:8080")
			if n := api.count("list endpointslices"); n < 2 {
				t.Errorf("listed %d times", n)
			}
			if i := slices.IndexFunc(r.all(), func(a discovery.Answer) bool { return a.Err != nil }); i >= 0 {
				t.Errorf("an expired version is no error, but got %v", r.all()[i].Err)
			}
		})
	}
}
