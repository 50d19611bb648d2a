package main

import (
	"bytes"
	"context"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/arrivals"
	"github.com/caddy-balance/caddy-balance/internal/chaos/backend"
)

// load sends requests to a proxy at times that do not depend on the answers, and keeps what became
// of them. Each request has a connection of its own. A kept connection that ends in a reload, as
// the next request is sent, would be a failure of HTTP and not of the proxy.
type load struct {
	client *http.Client
	hosts  []string // the sites that get requests in turn

	// saw reports whether a backend has seen the request with an id.
	saw func(id string) bool

	// capacity is the number of requests that all backends together may have; 0 is no limit.
	capacity int

	mu        sync.Mutex
	open      int // requests without an answer
	lastFull  time.Time
	down      window
	exchanges []exchange
}

// kind is a kind of requests that are sent together.
type kind struct {
	rate float64 // per second
	work time.Duration
}

const (
	// patience is how long a client waits for an answer.
	patience = 15 * time.Second

	// One of so many requests is a POST.
	postEach = 3

	postSize = 2 << 10

	usualWork = 5 * time.Millisecond
)

func (t *trial) newLoad() *load {
	client := &http.Client{Timeout: patience, Transport: socketTransport(t.proxy.site())}
	return &load{client: client, hosts: t.hosts, capacity: t.capacity(), saw: t.saw}
}

// ids is the last ID of a request. A backend may see those of several loads.
var ids atomic.Int64

// socketTransport returns a transport that opens a connection to a socket for each request.
func socketTransport(socket string) *http.Transport {
	dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket)
	}
	return &http.Transport{DisableKeepAlives: true, DialContext: dial}
}

// send sends requests of a kind until ctx ends, and then waits for the answers.
func (l *load) send(ctx context.Context, seed uint64, k kind) {
	rng := rand.New(rand.NewPCG(seed, 0))
	var open sync.WaitGroup
	defer open.Wait()
	start, n := time.Now(), 0
	for at := range arrivals.Poisson(rng, k.rate) {
		due := start.Add(at)
		if !arrivals.Wait(ctx, due) {
			return
		}
		method, host := http.MethodGet, l.hosts[n%len(l.hosts)]
		if rng.IntN(postEach) == 0 {
			method = http.MethodPost
		}
		work := time.Duration(rng.ExpFloat64() * float64(k.work))
		open.Go(func() { l.exchange(due, method, host, work) })
		n++
	}
}

var postBody = make([]byte, postSize)

// exchange sends a request, reads the whole answer, and records it. The path has few forms, as on
// most sites.
func (l *load) exchange(due time.Time, method, host string, work time.Duration) {
	e := exchange{due: due, method: method}
	l.begin(&e)
	var body io.Reader
	if method == http.MethodPost {
		body = bytes.NewReader(postBody)
	}
	request, err := http.NewRequest(method, "http://"+host+"/"+method, body)
	if err != nil {
		panic(err) // only constants are in it
	}
	request.Header.Set(backend.WorkHeader, work.String())
	request.Header.Set(backend.IDHeader, e.id)
	response, err := l.client.Do(request)
	if err != nil {
		l.record(e.withoutAnswer(err, l.saw(e.id)))
		return
	}
	defer response.Body.Close()
	e.backend = response.Header.Get(backend.NameHeader)
	text, err := io.ReadAll(response.Body)
	l.record(e.withAnswer(response.StatusCode, text, err))
}

func (l *load) record(e exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.ended = time.Now()
	if e.result == dropped && l.down.covers(&e) || e.result == rejected && !l.lastFull.Before(e.sent) {
		e.result = turnedAway
	}
	l.open--
	l.exchanges = append(l.exchanges, e)
}

// begin counts a request that is sent now.
func (l *load) begin(e *exchange) {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.sent = time.Now()
	e.id = strconv.FormatInt(ids.Add(1), 10)
	if l.open++; l.capacity > 0 && l.open >= l.capacity {
		l.lastFull = e.sent
	}
}

// window is a time in which a Caddy ends, or one of its configs. A server that a reload has
// replaced may end a while after the reload.
type window struct {
	open       bool
	begin, end time.Time
}

func (w *window) covers(e *exchange) bool {
	return !w.begin.IsZero() && e.ended.After(w.begin) && (w.open || e.sent.Before(w.end.Add(graceTime)))
}

// whileEnding calls a function that ends a Caddy, or one of its configs.
func (l *load) whileEnding(f func() error) error {
	l.setDown(window{open: true, begin: time.Now()})
	err := f()
	l.setDown(window{begin: l.down.begin, end: time.Now()})
	return err
}

func (l *load) setDown(w window) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.down = w
}

// answersSince returns the number of answers to requests that were due after a time, in all and by
// backend.
func (l *load) answersSince(begin time.Time) (all int, by map[string]int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	by = make(map[string]int)
	for _, e := range l.exchanges {
		if e.result == answered && e.due.After(begin) {
			all++
			by[e.backend]++
		}
	}
	return all, by
}
