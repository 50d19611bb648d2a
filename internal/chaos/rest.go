package main

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/arrivals"
)

// rest is what a Caddy holds while it serves no requests.
type rest struct {
	goroutines int
	heap       int // bytes after a garbage collection
	inFlight   int // by what pools count, and by what Caddy counts
}

var (
	goroutineTotal = regexp.MustCompile(`goroutine profile: total (\d+)`)
	heapBytes      = regexp.MustCompile(`# HeapAlloc = (\d+)`)
)

func (p *proxy) rest() (r rest, err error) {
	if r.inFlight, err = p.inFlight(); err != nil {
		return r, err
	}
	if r.heap, err = p.profile("heap?gc=1&debug=1", heapBytes); err != nil {
		return r, err
	}
	r.goroutines, err = p.profile("goroutine?debug=1", goroutineTotal)
	return r, err
}

// profile returns a number of one of Go's profiles.
func (p *proxy) profile(name string, number *regexp.Regexp) (int, error) {
	text, err := p.call(http.MethodGet, "/debug/pprof/"+name, "", nil)
	if err != nil {
		return 0, err
	}
	found := number.FindSubmatch(text)
	if found == nil {
		return 0, fmt.Errorf("profile %s: no %s in it", name, number)
	}
	return strconv.Atoi(string(found[1]))
}

func (p *proxy) inFlight() (n int, err error) {
	var ours map[string]int
	if err := p.get("/in_flight", &ours); err != nil {
		return 0, err
	}
	for _, count := range ours {
		n += max(count, -count)
	}
	var caddys []struct {
		Requests int `json:"num_requests"`
	}
	if err := p.get("/reverse_proxy/upstreams", &caddys); err != nil {
		return 0, err
	}
	most := 0
	for _, upstream := range caddys {
		most += max(upstream.Requests, -upstream.Requests)
	}
	return max(n, most), nil
}

const (
	// restTime is how long a Caddy may take to come to rest. Idle connections are kept for 2 s.
	restTime = 30 * time.Second

	// Goroutines that begin with the first request, such as Caddy's cleaner of dynamic hosts, and
	// checks that are being made.
	moreGoroutines = 12

	// Buffers and tables that grow once, such as those of the logger and of routes.
	moreHeap = 8 << 20
)

// awaitRest returns what Caddy holds once that is no more than before, or when the time is over.
func (t *trial) awaitRest(before rest) (r rest, err error) {
	ctx, cancel := context.WithTimeout(t.ctx, restTime)
	defer cancel()
	for {
		if r, err = t.proxy.rest(); err != nil || t.isBack(r, before) || ctx.Err() != nil {
			return r, err
		}
		arrivals.Sleep(ctx, 500*time.Millisecond)
	}
}

func (t *trial) isBack(now, before rest) bool {
	return now.inFlight == 0 && now.goroutines <= before.goroutines+moreGoroutines &&
		now.heap <= before.heap+moreHeap+t.memories
}
