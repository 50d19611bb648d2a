package main

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/arrivals"
)

// stub answers with a status after a time, unless the client gives up before.
type stub struct {
	status int
	after  time.Duration
}

func (s stub) RoundTrip(r *http.Request) (*http.Response, error) {
	arrivals.Sleep(r.Context(), s.after)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: s.status, Body: io.NopCloser(strings.NewReader("done"))}, nil
}

var quick = &class{path: quickPath}

func send(t *testing.T, s stub, requests ...request) []answer {
	for i := range requests {
		requests[i].class = quick
	}
	g := &generator{client: httpClient{s}, targets: []string{"stub"}}
	return g.run(t.Context(), time.Now(), requests)
}

func TestArrivalsDoNotWaitForAnswers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		answers := send(t, stub{http.StatusOK, time.Second},
			request{}, request{at: time.Millisecond}, request{at: 2 * time.Millisecond})
		for i, a := range answers {
			if a.failed || a.late != 0 || a.latency != time.Second {
				t.Errorf("answer %d: %+v", i, a)
			}
		}
		if took := time.Since(begin); took != time.Second+2*time.Millisecond {
			t.Errorf("took %s", took)
		}
	})
}

func TestLatencyCountsFromTheIntendedArrival(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		time.Sleep(30 * time.Millisecond) // the generator stalls
		g := &generator{client: httpClient{stub{http.StatusOK, 10 * time.Millisecond}}, targets: []string{"stub"}}
		a := g.run(t.Context(), start, []request{{at: 10 * time.Millisecond, class: quick}})[0]
		if a.late != 20*time.Millisecond || a.latency != 30*time.Millisecond {
			t.Errorf("%+v", a)
		}
	})
}

func TestFailuresCountAsTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, s := range []stub{{http.StatusInternalServerError, time.Millisecond}, {http.StatusOK, time.Hour}} {
			if a := send(t, s, request{})[0]; !a.failed || a.latency != deadline {
				t.Errorf("%+v: %+v", s, a)
			}
		}
	})
}

func TestParkedRequestsDoNotHoldUpTheEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		begin := time.Now()
		answers := send(t, stub{http.StatusOK, 6 * time.Second},
			request{work: 6 * time.Second, parked: true},
			request{at: 5 * time.Second},
			request{at: 5 * time.Second, work: 6 * time.Second, parked: true})
		if a := answers[0]; a.cut || a.failed || a.latency != 6*time.Second {
			t.Errorf("the parked request that was answered: %+v", a)
		}
		if a := answers[2]; !a.cut || a.failed {
			t.Errorf("the parked request that was left: %+v", a)
		}
		if took := time.Since(begin); took != 5*time.Second+deadline {
			t.Errorf("took %s", took)
		}
	})
}

func TestTargetsTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		asked := ""
		g := &generator{client: httpClient{witness(func(host string) { asked += host })}, targets: []string{"a", "b"}}
		var requests []request
		for i := range 4 {
			requests = append(requests, request{at: time.Duration(i) * time.Second, class: quick})
		}
		g.run(t.Context(), time.Now(), requests)
		if asked != "abab" {
			t.Errorf("asked %s", asked)
		}
	})
}

// witness answers at once and reports which host was asked.
type witness func(host string)

func (w witness) RoundTrip(r *http.Request) (*http.Response, error) {
	w(r.URL.Host)
	return &http.Response{StatusCode: http.StatusOK, Body: http.NoBody}, nil
}
