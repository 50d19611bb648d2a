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

	// pause makes a worker ask a hundred times a second: often enough to meet a gap of a few milliseconds, and
	// little enough to leave the machine to the servers.
	pause = 10 * time.Millisecond
)

// load sends requests until the test ends, and knows what became of each.
type load struct {
	t    *testing.T
	http *http.Client
	stop sync.WaitGroup
	ends chan struct{}

	// reloads make net/http drop what it reads a moment after its listener was passed on, before any
	// handler sees it. Then a request is sent again, as browsers do.
	reloads atomic.Bool

	mu     sync.Mutex
	sent   int
	failed int
	first  failure
	window *window
}

// failure is a request that no backend answered.
type failure struct {
	when time.Time
	what string
}

// window counts the next answers.
type window struct {
	left   int
	byName map[string]int
	full   chan struct{}
}

// startLoad sends requests to a site.
func startLoad(t *testing.T, p *proxy) *load {
	l := &load{t: t, http: client(p.socket(), false), ends: make(chan struct{})}
	for range workers {
		l.stop.Go(l.work)
	}
	t.Cleanup(l.end)
	return l
}

// end stops the load, tells what it did, and may be called twice.
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
		name, err := l.ask()
		l.note(name, err)
	}
}

func (l *load) ask() (name string, err error) {
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

func (l *load) note(name string, err error) {
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

// next counts who answers the next n requests.
func (l *load) next(n int) map[string]int {
	l.t.Helper()
	w := &window{left: n, byName: make(map[string]int), full: make(chan struct{})}
	l.mu.Lock()
	l.window = w
	l.mu.Unlock()
	select {
	case <-w.full:
	case <-time.After(patience):
		l.t.Fatalf("no %d answers in %s", n, patience)
	}
	return w.byName
}

// failures is how many requests failed, and the first of them.
func (l *load) failures() (int, failure) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed, l.first
}

// expectNoErrors so far.
func (l *load) expectNoErrors() {
	l.t.Helper()
	if n, first := l.failures(); n > 0 {
		l.t.Fatalf("%d requests failed; the first: %s", n, first.what)
	}
}

// shares are weights by the name of a backend; the others get nothing.
type shares map[string]int

// slack is how far a count may be from its share: a window over the schedule is less than two picks off, and
// answers may overtake one another.
const slack = 2 + workers

// expect waits until the shares are these, and then for as many requests once more: they stay so.
func (l *load) expect(want shares) {
	l.t.Helper()
	total := 0
	for _, weight := range want {
		total += weight
	}
	n := 20 * total
	var got map[string]int
	for deadline := time.Now().Add(patience); !want.met(got); got = l.next(n) {
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

// each has the same share.
func each(backends ...*backend) shares {
	s := make(shares)
	for _, b := range backends {
		s[b.name] = 1
	}
	return s
}

func (s shares) but(b *backend, weight int) shares {
	s = maps.Clone(s)
	s[b.name] = weight
	return s
}
