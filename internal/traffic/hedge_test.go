package traffic

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// stalling is a backend handler that answers at once, unless stalls is set: then b0 answers a
// request only when the client has left it.
type stalling struct {
	stalls atomic.Bool
	began  atomic.Int64
	ended  atomic.Int64
}

func (s *stalling) answer(b *backend, w http.ResponseWriter, r *http.Request) {
	if s.stalls.Load() && b.name == "b0" {
		s.began.Add(1)
		_, _ = io.Copy(io.Discard, r.Body) // net/http does not see that a client leaves before
		<-r.Context().Done()
		s.ended.Add(1)
		return
	}
	writeName(b, w, r)
}

// teach sends so many requests that the times of the route are known and the budget is full.
func teach(t *testing.T, c *client) {
	t.Helper()
	for range 400 {
		expectOK(t)(c.get("/"))
	}
}

const hedged = "\nhedge p95 max 50%"

func TestARequestThatStallsIsAnsweredByAnotherEndpoint(t *testing.T) {
	for name, transport := range map[string]string{"HTTP/1": "", "HTTP/2": "transport http {\nversions h2c 2\n}\n"} {
		t.Run(name, func(t *testing.T) {
			s := new(stalling)
			fleet := startBackends(t, 2, s.answer)
			p := startProxyWith(t, "metrics", poolWith(staticEndpoints(fleet, "", "")+hedged, roundRobin+"\n"+transport)+
				"\nheader >X-Hedge {http.reverse_proxy.hedge}\nheader >X-Pick {http.reverse_proxy.pick.reason}"+
				"\nheader >X-Endpoint {http.reverse_proxy.endpoint.id}\nheader >X-Attempts {http.reverse_proxy.attempts}")
			c := p.client()
			teach(t, c)
			s.stalls.Store(true)
			won := 0
			for range 10 {
				a := expectOK(t)(c.get("/"))
				if a.backend != "b1" {
					t.Fatalf("%s answered", a.backend)
				}
				if a.header.Get("X-Endpoint") != fleet[1].address {
					t.Errorf("the log says that %s answered", a.header.Get("X-Endpoint"))
				}
				if a.header.Get("X-Hedge") == "won" {
					won++
					if a.header.Get("X-Pick") != "hedge" || !strings.Contains(a.header.Get("X-Attempts"), "nothing hedge_lost") {
						t.Errorf("the log says %v", a.header)
					}
				}
			}
			// Neither number bounds the other: a hedge may stall too, and on a busy machine one may
			// win before the other attempt has arrived.
			if won == 0 || s.began.Load() == 0 {
				t.Errorf("%d hedges won, and %d requests stalled", won, s.began.Load())
			}
			eventually(t, "the other attempts end", func() bool { return s.ended.Load() == s.began.Load() })
			p.expectSeries(map[string]float64{`pool_requests_in_flight{pool="web"}`: 0})
			for _, series := range []string{
				`endpoint_attempts_total{endpoint="%s",outcome="nothing",pool="web",reason="hedge_lost"}`,
				`pool_hedges_total{pool="web",result="won"}%.0s`,
			} {
				series = fmt.Sprintf(series, fleet[0].address)
				if got := p.scrape()[series]; got < float64(won) { // a few are of requests that did not stall
					t.Errorf("%s is %v, and %d hedges won", series, got, won)
				}
			}
		})
	}
}

func TestOnlyHarmlessRequestsAreHedged(t *testing.T) {
	s := new(stalling)
	fleet := startBackends(t, 2, s.answer)
	p := startProxyWith(t, "metrics", poolWith(staticEndpoints(fleet, "", "")+hedged, roundRobin))
	teach(t, p.client())
	before := p.scrape()
	s.stalls.Store(true)
	for _, request := range []struct{ method, body, header string }{
		{http.MethodPost, "", "X: y"}, {http.MethodDelete, "", "X: y"}, {http.MethodGet, "a body", "X: y"},
		{http.MethodGet, "", "Accept: text/event-stream"},
	} {
		began := s.began.Load()
		eventually(t, "one stalls", func() bool {
			c := p.client()
			c.Timeout = 200 * time.Millisecond
			name, value, _ := strings.Cut(request.header, ": ")
			_, _ = c.send(request.method, "/", strings.NewReader(request.body), name, value)
			return s.began.Load() > began
		})
	}
	after := p.scrape()
	for _, result := range []string{"won", "lost"} {
		series := `pool_hedges_total{pool="web",result="` + result + `"}`
		if before[series] != after[series] {
			t.Errorf("%v hedges %s, before %v", after[series], result, before[series])
		}
	}
}

func TestAnErrorDoesNotWinAgainstAnEndpointThatIsStillBusy(t *testing.T) {
	var fails atomic.Bool
	fleet := startBackends(t, 2, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if fails.Load() && b.name == "b1" {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if fails.Load() {
			time.Sleep(100 * time.Millisecond)
		}
		writeName(b, w, r)
	})
	p := startProxy(t, poolWith(staticEndpoints(fleet, "", "")+hedged, roundRobin)+
		"\nheader >X-Hedge {http.reverse_proxy.hedge}\nheader >X-Attempts {http.reverse_proxy.attempts}")
	c := p.client()
	teach(t, c)
	fails.Store(true)
	lost := 0
	for range 10 {
		a, err := c.get("/")
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(a.header.Get("X-Attempts"), fleet[0].address) {
			continue // it was at b1 first, whose error stands
		}
		if a.backend != "b0" {
			t.Errorf("the answer is %d of %s", a.status, a.backend)
		}
		if a.header.Get("X-Hedge") == "lost" {
			lost++
		}
	}
	if lost == 0 {
		t.Error("no hedge lost")
	}
}

func TestHedgesStayWithinTheirBudget(t *testing.T) {
	var requests atomic.Int64
	fleet := startBackends(t, 4, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if requests.Add(1) > 500 { // all endpoints become slow at once
			time.Sleep(20 * time.Millisecond)
		}
		writeName(b, w, r)
	})
	p := startProxyWith(t, "metrics", poolWith(staticEndpoints(fleet, "", "", "", "")+"\nhedge p90 max 2%", roundRobin))
	c := p.client()
	var all sync.WaitGroup
	for range 10 {
		all.Go(func() {
			for range 100 {
				_, _ = c.get("/")
			}
		})
	}
	all.Wait()
	found := p.scrape()
	sent := found[`pool_hedges_total{pool="web",result="won"}`] + found[`pool_hedges_total{pool="web",result="lost"}`]
	if refused := found[`pool_hedges_total{pool="web",result="refused"}`]; sent == 0 || sent > 20 || refused == 0 {
		t.Errorf("%v hedges were sent for 1000 requests, and %v refused", sent, refused)
	}
	if extra := requests.Load() - 1000; extra > 20 {
		t.Errorf("the endpoints got %d requests more", extra)
	}
}

func TestAStormOfHedgesLeavesNothingBehind(t *testing.T) {
	fleet := startBackends(t, 4, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if b.hits.Load()%7 == 0 {
			select {
			case <-r.Context().Done():
				return
			case <-time.After(30 * time.Millisecond):
			}
		}
		writeName(b, w, r)
	})
	p := startProxy(t, poolWith(staticEndpoints(fleet, "", "", "", "")+"\nhedge p50 max 100%", "lb_retries 1")+
		"\nlog_append attempts {http.reverse_proxy.attempts}")
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			c := p.client()
			for i := range amount(300, 100) {
				if i%5 == 0 {
					c.Timeout = 5 * time.Millisecond
				} else {
					c.Timeout = waitLimit
				}
				_, _ = c.get("/")
			}
		})
	}
	all.Wait()
	// The end of the test waits until nothing is in flight.
}

func TestHedgesThatCannotWorkAreRefused(t *testing.T) {
	p := &proxy{Caddy: caddytest.New(t), t: t}
	p.run(p.text("respond ok"))
	for options, want := range map[string]string{
		"lb_policy sticky": "hedge: the policy sticky sends a session to one endpoint only",
		"lb_policy split {\ngroup a {\npolicy sticky\n}\n}": "hedge: the policy split sends a session to one endpoint only",
		"lb_policy least_conn":                              "hedge: needs a selection policy of this plugin",
		"header_up X {upstream_hostport}":                   "hedge: a header has {http.reverse_proxy.upstream.hostport}",
		"header_up Host {upstream_hostport}":                "",
		"lb_policy bounded_load_hash {client_ip}":           "",
		"lb_policy weighted_least_conn\nlb_try_duration 1s": "",
	} {
		err := p.reloadAlone(poolWith("source static 127.0.0.1:1"+hedged, options))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", options, err, want)
		}
	}
}

func TestTheLogSaysThatRequestsForAListAreNotHedged(t *testing.T) {
	p := &proxy{Caddy: caddytest.New(t), t: t}
	p.run(p.text("respond ok"))
	for options, needs := range map[string]string{
		"lb_policy split {\ngroup a\ngroup b version=v2 10% {\npolicy least_conn\n}\n}":     "least_conn",
		"lb_policy bounded_load_hash {client_ip} {\nfallback first\n}":                      "first",
		"lb_policy split {\ngroup a\ngroup b version=v2 10% {\npolicy weighted_first\n}\n}": "",
		"lb_policy weighted_least_conn":                                                     "",
	} {
		logged.Reset()
		if err := p.reloadAlone(poolWith("source static 127.0.0.1:1"+hedged, options)); err != nil {
			t.Fatal(err)
		}
		lines := logged.Count(`"msg":"requests are not hedged for which a policy needs a list"`, `"needs_list":"`+needs+`"`)
		if want := min(len(needs), 1); lines != want {
			t.Errorf("%s: %d lines, want %d", options, lines, want)
		}
	}
}

// A second attempt in another group would show a tester of the new version the old one.
func TestAHedgedRequestStaysInItsGroup(t *testing.T) {
	s := new(stalling)
	fleet := startBackends(t, 3, s.answer)
	p := startProxyWith(t, "metrics", poolWith(staticEndpoints(fleet, "", "", "")+hedged, `lb_policy split {
		group stable
		group canary address=`+fleet[0].address+` 50% {
			policy smooth_weighted_round_robin
		}
		force header X-Version
	}`))
	teach(t, p.client())
	s.stalls.Store(true)
	c := p.client()
	c.Timeout = 300 * time.Millisecond
	eventually(t, "a request stalls", func() bool {
		if a, err := c.send(http.MethodGet, "/", nil, "X-Version", "canary"); err == nil {
			t.Errorf("%s answered", a.backend)
		}
		return s.began.Load() > 0
	})
}
