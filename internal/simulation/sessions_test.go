package simulation

import (
	"cmp"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// sessionLoad makes the requests of a scenario those of sessions, which come and go. A session has
// pauses between its requests.
type sessionLoad struct {
	requests float64       // of a session on average
	pause    time.Duration // on average
}

// visitor is a client in a session. It keeps cookies as a browser does.
type visitor struct {
	mu      sync.Mutex
	cookies []string  // name=value
	at      int       // the backend of the last request, -1 before the first
	since   time.Time // when it began to be that one
	moves   int       // requests that went to another backend, although the client had an answer of that one
}

// cookie returns the header of a request.
func (v *visitor) cookie() string {
	v.mu.Lock()
	defer v.mu.Unlock()
	return strings.Join(v.cookies, "; ")
}

// see keeps the cookies of an answer of a backend to a request that began at some time.
func (v *visitor) see(header http.Header, backend int, began time.Time) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.at != backend {
		if v.at >= 0 && began.After(v.since) {
			v.moves++
		}
		v.at, v.since = backend, time.Now()
	}
	for _, line := range header["Set-Cookie"] {
		pair, _, _ := strings.Cut(line, ";")
		name, _, _ := strings.Cut(pair, "=")
		v.cookies = slices.DeleteFunc(v.cookies, func(c string) bool { return strings.HasPrefix(c, name+"=") })
		v.cookies = append(v.cookies, pair)
	}
}

// sessionArrivals draws the requests of sessions. Some sessions are under way at the start.
func (s *scenario) sessionArrivals(seed uint64) (all []arrival) {
	rng := rand.New(rand.NewPCG(seed, 1))
	begun := -time.Duration(2 * s.sessions.requests * float64(s.sessions.pause))
	for number := uint64(0); begun < s.duration; number++ {
		v, proxy := &visitor{at: -1}, rng.IntN(s.proxyCount())
		for at := begun; at < s.duration; at += gap(rng, 1/s.sessions.pause.Seconds()) {
			if at >= 0 {
				all = append(all, arrival{
					at: at, drawn: s.draw(rng), proxy: proxy, key: number, kind: &sameRequest,
					method: "GET", path: "/", luck: 1, visitor: v,
				})
			}
			if rng.Float64() < 1/s.sessions.requests {
				break
			}
		}
		begun += gap(rng, s.rate/s.sessions.requests)
	}
	slices.SortFunc(all, func(a, b arrival) int { return cmp.Compare(a.at, b.at) })
	return all
}

// moved returns the share of requests that left the backend of their session.
func (r *run) moved() float64 {
	moves, seen := 0, make(map[*visitor]bool)
	for i := range r.arrivals {
		if v := r.arrivals[i].visitor; v != nil && !seen[v] {
			seen[v] = true
			moves += v.moves
		}
	}
	return float64(moves) / float64(max(len(r.arrivals), 1))
}

const stickyKeys = `"keys":["a-key-of-sixteen-bytes"]`

// sessionsBySpeed are sessions of twenty requests at machines of three generations. All of a
// session must reach the machine where it began, so that only the first request can be balanced.
var sessionsBySpeed = scenario{
	name:     "sessions, speeds 1 2 4",
	seeds:    3,
	rate:     .7 * 4 * (4*1 + 4*2 + 4*4) / .050,
	duration: 20 * time.Second,
	deadline: 5 * time.Second,
	backends: 12,
	server:   func(i int) server { return newSharing(4, []float64{1, 2, 4}[i/4]) },
	draw:     exponential(50 * time.Millisecond),
	sessions: &sessionLoad{requests: 20, pause: time.Second},
	watched:  first(4),
	fair:     4. / 28,
	phases:   []window{{10 * time.Second, 20 * time.Second}},
	policies: []policy{
		{name: "cookie", config: `{"policy":"cookie"}`},
		{name: "header Key", config: `{"policy":"header","field":"Key"}`},
		{name: "least_conn", config: `{"policy":"least_conn"}`},
		{name: "bounded_load_hash", config: `{"policy":"bounded_load_hash","key":"{http.request.header.Key}"}`, ours: true},
		{name: "sticky", config: `{"policy":"sticky",` + stickyKeys + `}`, ours: true},
		{name: "sticky by header", config: `{"policy":"sticky","header":{"name":"Key"}}`, ours: true},
		{name: "sticky, weighted_least_conn", config: `{"policy":"sticky","guest":{"policy":"weighted_least_conn"},` + stickyKeys + `}`, ours: true},
	},
	baseline: "least_conn",
	check: func(t *testing.T, m measured) {
		for _, sticky := range []string{"sticky", "sticky by header"} {
			m.atMost(t, sticky, moved, .0001) // a client may send two requests before its first answer
			m.never(t, sticky, failures)
			m.atMostTimes(t, sticky, p99, .1, "cookie")
			m.atMostTimes(t, sticky, p99, 1.15, "least_conn")
		}
	},
}
