package lbpolicy

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// listSizes include 128, the largest list that adaptive_latency compares as a whole.
var listSizes = []int{10, 128, 1000, 10_000}

var policies = []struct {
	name string
	algorithm
}{
	{"smooth_weighted_round_robin", new(SmoothWeightedRoundRobin)},
	{"adaptive_latency", &AdaptiveLatency{Decay: caddy.Duration(attempt.DefaultDecay)}},
	{"bounded_load_hash", &BoundedLoadHash{key: newRequestText("{http.request.uri.path}"), LoadFactor: defaultLoadFactor}},
	{"weighted_least_conn", new(WeightedLeastConn)},
	{"weighted_random", new(WeightedRandom)},
	{"weighted_first", new(WeightedFirst)},
}

// BenchmarkPick measures what a pool asks of a policy for each request: read the clock, find an
// endpoint and reserve a place there. It includes giving the place back.
func BenchmarkPick(b *testing.B) {
	for _, n := range listSizes {
		roster := busyRoster(b, n)
		for _, p := range policies {
			pick := ready(p.prepare(roster.Snapshot().Members)).pick
			b.Run(fmt.Sprintf("policy=%s/endpoints=%d", p.name, n), func(b *testing.B) {
				benchmarkPick(b, pick, roster, 0)
			})
		}
	}
}

// BenchmarkPickAfter100ms measures picks at low rates, where each pick computes what many would
// share.
func BenchmarkPickAfter100ms(b *testing.B) {
	for _, n := range listSizes {
		roster := busyRoster(b, n)
		for _, p := range policies {
			b.Run(fmt.Sprintf("policy=%s/endpoints=%d", p.name, n), func(b *testing.B) {
				// The tables of another run would be from its future.
				pick := ready(p.prepare(roster.Snapshot().Members)).pick
				benchmarkPick(b, pick, roster, 100*time.Millisecond)
			})
		}
	}
}

// BenchmarkPickWithKeyGiven leaves out looking up the key, which is Caddy's part of a pick by hash.
func BenchmarkPickWithKeyGiven(b *testing.B) {
	for _, n := range listSizes {
		roster := busyRoster(b, n)
		h := (&BoundedLoadHash{LoadFactor: defaultLoadFactor}).prepare(roster.Snapshot().Members).(*hashPicker)
		ready(h)
		pick := func(c candidates) int { return h.reserveInOrder(&c, xxhash.Sum64String(c.request.URL.Path)) }
		b.Run(fmt.Sprintf("policy=bounded_load_hash/endpoints=%d", n), func(b *testing.B) {
			benchmarkPick(b, pick, roster, 0)
		})
	}
}

// BenchmarkPickWithAllWeightsDifferent measures the largest schedule: one group for each endpoint.
func BenchmarkPickWithAllWeightsDifferent(b *testing.B) {
	for _, n := range listSizes {
		infos := infos(n)
		for i := range infos {
			infos[i].Weight = 1 + i
		}
		roster := newRoster(b, infos)
		pick := new(SmoothWeightedRoundRobin).prepare(roster.Snapshot().Members).pick
		b.Run(fmt.Sprintf("policy=smooth_weighted_round_robin/endpoints=%d", n), func(b *testing.B) {
			benchmarkPick(b, pick, roster, 0)
		})
	}
}

// ready builds the table that is built once it pays.
func ready(picker bandPicker) bandPicker {
	if h, ok := picker.(*hashPicker); ok && len(h.bidders) >= tableFrom {
		h.fillTable(visitsPerSlot)
	}
	return picker
}

// benchmarkPick lets a virtual pause pass after each pick, besides the time of the pick.
func benchmarkPick(b *testing.B, pick func(candidates) int, roster *endpoint.Roster, pause time.Duration) {
	members, requests := roster.Snapshot().Members, requestsForPaths(64)
	attempts := new(attempt.RequestAttempts)
	var passed time.Duration
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		m := pick(candidates{
			members:  members,
			share:    1,
			roster:   roster,
			now:      load.Now() + load.Instant(passed),
			request:  requests[i%len(requests)],
			admit:    admitted,
			attempts: attempts,
		})
		if m < 0 {
			b.Fatal("nothing is usable")
		}
		members[m].Release()
		passed += pause
	}
}

// admitted is the admission of a pool without passive health checks.
func admitted(m *endpoint.Member) (ok bool, limit int) { return true, int(m.MaxRequests) }

// BenchmarkPickByCaddy measures Caddy's own policies with static upstreams. All upstreams are idle,
// because other packages cannot set Caddy's counts.
func BenchmarkPickByCaddy(b *testing.B) {
	for _, n := range listSizes {
		pool, requests := make(reverseproxy.UpstreamPool, n), requestsForPaths(64)
		for i, info := range infos(n) {
			pool[i] = &reverseproxy.Upstream{Dial: info.Address, Host: new(reverseproxy.Host)}
		}
		for _, p := range caddyPolicies(b, n) {
			b.Run(fmt.Sprintf("policy=%s/endpoints=%d", p.name, n), func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if p.Select(pool, requests[i%len(requests)], nil) == nil {
						b.Fatal("nothing is usable")
					}
				}
			})
		}
	}
}

type caddyPolicy struct {
	name string
	reverseproxy.Selector
}

func caddyPolicies(b *testing.B, n int) []caddyPolicy {
	wrr := new(reverseproxy.WeightedRoundRobinSelection)
	for _, info := range infos(n) {
		wrr.Weights = append(wrr.Weights, info.Weight)
	}
	choose := new(reverseproxy.RandomChoiceSelection)
	for _, p := range []caddy.Provisioner{wrr, choose} {
		if err := p.Provision(caddy.Context{}); err != nil {
			b.Fatal(err)
		}
	}
	return []caddyPolicy{
		{"round_robin", new(reverseproxy.RoundRobinSelection)},
		{"weighted_round_robin", wrr},
		{"least_conn", new(reverseproxy.LeastConnSelection)},
		{"random_choose", choose},
		{"uri_hash", new(reverseproxy.URIHashSelection)},
	}
}

// BenchmarkPrepare10000 measures what a policy adds to a change of the list.
func BenchmarkPrepare10000(b *testing.B) {
	members := newRoster(b, infos(10_000)).Snapshot().Members
	for _, p := range policies {
		b.Run("policy="+p.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				picker := p.prepare(members)
				if w, ok := picker.(warmer); ok {
					w.warm()
				}
				discard([]band{{picker: picker}}) // or the next one would find the tables
			}
		})
	}
}

func infos(n int) []listing.Info {
	infos := make([]listing.Info, n)
	for i := range infos {
		infos[i] = listing.Info{Address: fmt.Sprintf("10.0.%d.%d:8080", i>>8, i&255), Weight: 1 + i%10, MaxRequests: 1000}
	}
	return infos
}

func newRoster(b *testing.B, infos []listing.Info) *endpoint.Roster {
	claim, err := endpoint.Acquire(endpoint.Definition{
		Name: fmt.Sprintf("%s of %d", b.Name(), len(infos)),
		Run:  func(context.Context, *endpoint.Roster) {},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(claim.Release)
	claim.Roster.Replace(infos)
	return claim.Roster
}

// busyRoster returns a list of endpoints with everything that a policy reads: requests in flight,
// some of them without an answer, latencies and failures.
func busyRoster(b *testing.B, n int) *endpoint.Roster {
	roster, random, now := newRoster(b, infos(n)), rand.New(rand.NewPCG(1, 2)), load.Now()
	table, key := new(load.Routes), load.TextKey("route")
	route := table.Find(&key, now)
	for _, m := range roster.Snapshot().Members {
		send := func() *load.Request {
			r := new(load.Request)
			m.Load.Begin(r, table, route, false, now-load.Instant(random.ExpFloat64()*float64(50*time.Millisecond)))
			return r
		}
		for range random.IntN(4) {
			m.Reserve(0)
			send()
		}
		for range 20 {
			m.Load.Conclude(send(), now, load.Answered, attempt.DefaultDecay)
		}
		if random.IntN(10) == 0 {
			m.Load.Conclude(send(), now, load.Unreachable, attempt.DefaultDecay)
		}
	}
	return roster
}

// requestsForPaths returns requests as a server passes them to its handlers.
func requestsForPaths(n int) []*http.Request {
	requests := make([]*http.Request, n)
	for i := range requests {
		path := fmt.Sprintf("/products/%d", i)
		r := &http.Request{
			Method: http.MethodGet, URL: &url.URL{Path: path}, RequestURI: path,
			Host: "example.com", RemoteAddr: "192.0.2.1:1234",
		}
		r = r.WithContext(context.Background())
		requests[i] = caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, new(caddyhttp.Server))
	}
	return requests
}
