package e2e

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	workers = 4

	// pause makes each worker send a hundred requests a second. That is often enough to notice a
	// gap of a few milliseconds, and leaves the machine enough time for the servers.
	pause = 10 * time.Millisecond
)

// load sends requests until the test ends, and counts their results.
type load struct {
	t    *testing.T
	http *http.Client
	stop sync.WaitGroup
	ends chan struct{}

	// reloads is true if Caddy reloads during the load. A request is then sent again if its
	// connection ends without an answer, as browsers do: when net/http has passed on its listener,
	// it drops the requests that it reads a moment later.
	reloads atomic.Bool

	mu     sync.Mutex
	sent   int
	failed int
	first  failure
	window *window
}

// failure is a request without an answer from a backend.
type failure struct {
	when time.Time
	what string
}

// window counts the next answers by the name of the backend.
type window struct {
	left   int
	byName map[string]int
	full   chan struct{}
}

// startLoad sends requests to the site of a proxy.
func startLoad(t *testing.T, p *proxy) *load {
	l := &load{t: t, http: p.siteClient(), ends: make(chan struct{})}
	for range workers {
		l.stop.Go(l.work)
	}
	t.Cleanup(l.end)
	return l
}

// end stops the load and logs its counts. It may be called twice.
func (l *load) end() {
	select {
	case <-l.ends:
		return
	default:
	}
	close(l.ends)
	l.stop.Wait()
	l.http.CloseIdleConnections()
	l.t.Logf("%d requests, %d errors", l.sent, l.failed)
}

func (l *load) work() {
	for {
		select {
		case <-l.ends:
			return
		case <-time.After(pause):
		}
		name, err := l.sendOne()
		l.record(name, err)
	}
}

func (l *load) sendOne() (name string, err error) {
	response, err := l.http.Get("http://site/")
	for tries := 1; errors.Is(err, io.EOF) && l.reloads.Load() && tries < 5; tries++ {
		response, err = l.http.Get("http://site/")
	}
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s", response.Status, body)
	}
	return string(body), err
}

func (l *load) record(name string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	if err != nil {
		if l.failed++; l.failed == 1 {
			l.first = failure{time.Now(), err.Error()}
		}
		name = "error"
	}
	if w := l.window; w != nil {
		w.byName[name]++
		if w.left--; w.left == 0 {
			l.window = nil
			close(w.full)
		}
	}
}

// next returns how many of the next n requests each backend answers.
func (l *load) next(n int) map[string]int {
	l.t.Helper()
	w := &window{left: n, byName: make(map[string]int), full: make(chan struct{})}
	l.mu.Lock()
	l.window = w
	l.mu.Unlock()
	select {
	case <-w.full:
	case <-time.After(waitLimit):
		l.t.Fatalf("no %d answers in %s", n, waitLimit)
	}
	return w.byName
}

// failures returns the number of failed requests and the first of them.
func (l *load) failures() (int, failure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed, l.first
}

// expectNoErrors fails the test if a request has failed so far.
func (l *load) expectNoErrors() {
	l.t.Helper()
	if n, first := l.failures(); n > 0 {
		l.t.Fatalf("%d requests failed; the first: %s", n, first.what)
	}
}

// shares are the expected weights by the name of a backend. Other backends must get nothing.
type shares map[string]int

// slack is how far a count may be from its share. A window over the schedule differs from it by
// less than two picks, and answers may overtake one another.
const slack = 2 + workers

// expect waits until the shares are as given, and expects the same of as many requests after that.
func (l *load) expect(want shares) {
	l.t.Helper()
	total := 0
	for _, weight := range want {
		total += weight
	}
	n := 20 * total
	var got map[string]int
	for deadline := time.Now().Add(waitLimit); !want.met(got); got = l.next(n) {
		if time.Now().After(deadline) {
			l.t.Fatalf("of %d requests got %v; want shares of %v", n, got, want)
		}
	}
	if got = l.next(n); !want.met(got) {
		l.t.Fatalf("of %d requests got %v; want shares of %v, as before", n, got, want)
	}
}

func (s shares) met(counts map[string]int) bool {
	for name := range counts {
		if s[name] == 0 {
			return false
		}
	}
	for name, weight := range s {
		if off := counts[name] - 20*weight; off < -slack || off > slack {
			return false
		}
	}
	return true
}

// each gives all backends the same share.
func each(backends ...*backend) shares {
	s := make(shares)
	for _, b := range backends {
		s[b.name] = 1
	}
	return s
}

// but gives one backend another weight.
func (s shares) but(b *backend, weight int) shares {
	s = maps.Clone(s)
	s[b.name] = weight
	return s
}
