package traffic

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// metrics are the series of a scrape, by name and labels as in name{a="b"}, without the prefix of
// this project.
type metrics map[string]float64

// scrape asks the admin endpoint for the metrics.
func (p *proxy) scrape() metrics {
	p.t.Helper()
	c := &client{&http.Client{Transport: caddytest.SingleUseTransport(p.AdminSocket())}, "http://admin"}
	a := expectOK(p.t)(c.get("/metrics"))
	found := make(metrics)
	for line := range strings.Lines(a.body) {
		series, ours := strings.CutPrefix(strings.TrimSpace(line), "caddy_balance_")
		if i := strings.LastIndexByte(series, ' '); ours && i > 0 {
			found[series[:i]], _ = strconv.ParseFloat(series[i+1:], 64)
		}
	}
	return found
}

// expectSeries waits until all of these series have their values, as name{labels} and value in
// turn: an attempt is counted when its request is over, a moment after its answer.
func (p *proxy) expectSeries(want map[string]float64) {
	p.t.Helper()
	var wrong []string
	defer func() {
		if p.t.Failed() {
			p.t.Log(strings.Join(wrong, "\n"))
		}
	}()
	eventually(p.t, "the metrics are as expected", func() bool {
		found := p.scrape()
		wrong = nil
		for series, value := range want {
			if got, ok := found[series]; got != value || !ok && value >= 0 {
				wrong = append(wrong, fmt.Sprintf("%s is %v, want %v", series, got, value))
			}
		}
		return len(wrong) == 0
	})
}

func TestEachAttemptIsCountedByWhatBecameOfIt(t *testing.T) {
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/500":
			w.WriteHeader(http.StatusInternalServerError)
		case "/429":
			w.WriteHeader(http.StatusTooManyRequests)
		case "/cut":
			closeConnection(w)
		case "/broken":
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "part")
			http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		case "/slow":
			<-r.Context().Done()
		case "/ws":
			echoMessages(w, r)
		}
	})
	p := startProxy(t, pooled(fleet, "transport http {\nkeepalive off\nresponse_header_timeout 1s\n}"))
	c := p.client()
	for _, path := range []string{"/", "/", "/500", "/429", "/cut", "/broken", "/slow"} {
		c.get(path)
	}
	openSocket(t, c).CloseNow()
	fleet[0].kill()
	c.get("/")
	at := fmt.Sprintf(`endpoint=%q`, fleet[0].address)
	want := map[string]float64{
		`endpoint_picks_total{` + at + `,pool="web"}`:                                  9,
		`endpoint_time_to_first_byte_seconds_count{` + at + `,pool="web"}`:             3,
		`pool_time_to_first_byte_seconds_bucket{pool="web",le="+Inf"}`:                 3,
		`pool_picks_total{policy="adaptive_latency",pool="web",reason="first_choice"}`: 9,
		`pool_requests_in_flight{pool="web"}`:                                          0,
		`pool_unserved_picks_total{pool="web"}`:                                        0,
	}
	for reason, n := range map[string]float64{
		"worked answered": 2, "worked upgraded": 1, "failed status": 1, "failed reset": 1, "failed broken_off": 1,
		"failed timeout": 1, "failed refused": 1, "nothing too_many_requests": 1,
	} {
		outcome, reason, _ := strings.Cut(reason, " ")
		want[fmt.Sprintf(`endpoint_attempts_total{%s,outcome=%q,pool="web",reason=%q}`, at, outcome, reason)] = n
		want[fmt.Sprintf(`pool_attempts_total{outcome=%q,pool="web",reason=%q}`, outcome, reason)] = n
	}
	p.expectSeries(want)
}

func TestAClientThatLeavesSaysNothing(t *testing.T) {
	handler := newBlockingHandler()
	fleet := startBackends(t, 1, handler.serve)
	p := startProxy(t, pooled(fleet, ""))
	ctx, leave := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "http://site/", nil)
		p.client().do(r)
	}()
	receive(t, handler.arrived)
	leave()
	<-done
	p.expectSeries(map[string]float64{
		`pool_attempts_total{outcome="nothing",pool="web",reason="client_left"}`: 1,
		`pool_attempts_total{outcome="failed",pool="web",reason="reset"}`:        0,
	})
}

func TestARetryIsCountedWithWhereItWent(t *testing.T) {
	failing := func(b *backend, w http.ResponseWriter, r *http.Request) { closeConnection(w) }
	fleet := startBackends(t, 2, failing)
	p := startProxy(t, pooled(fleet, "lb_retries 3\nlb_retry_match {\nmethod GET\n}\n"+roundRobin))
	p.client().get("/")
	p.expectSeries(map[string]float64{
		`pool_retries_total{endpoint="untried",pool="web"}`:                                       1,
		`pool_retries_total{endpoint="tried",pool="web"}`:                                         2,
		`pool_picks_total{policy="smooth_weighted_round_robin",pool="web",reason="first_choice"}`: 1,
		`pool_picks_total{policy="smooth_weighted_round_robin",pool="web",reason="retry"}`:        3,
		`pool_attempts_total{outcome="failed",pool="web",reason="reset"}`:                         4,
	})
}

func TestAPickIsCountedWithItsReason(t *testing.T) {
	fleet := startBackends(t, 2)
	zoned := staticEndpoints(fleet, "zone here", "zone there") + "health {\nprobe http /healthz\n}\nzone here\n"
	tiered := staticEndpoints(fleet, "priority 0", "priority 1") + "health {\nprobe http /healthz\n}\n"
	for name, c := range map[string]struct {
		site, policy, reason string
		down                 bool // the first endpoint, before the request
	}{
		"first choice":   {pooled(fleet, "lb_policy adaptive_latency"), "adaptive_latency", "first_choice", false},
		"the default":    {pooled(fleet, ""), "adaptive_latency", "first_choice", false},
		"Caddy's own":    {pooled(fleet, "lb_policy least_conn"), "least_conn", "first_choice", false},
		"sticky":         {pooled(fleet, "lb_policy bounded_load_hash {uri}"), "bounded_load_hash", "sticky", false},
		"without a key":  {pooled(fleet, "lb_policy bounded_load_hash {header.None}"), "bounded_load_hash", "first_choice", false},
		"our fallback":   {pooled(fleet, ownFallback), "smooth_weighted_round_robin", "fallback", false},
		"their fallback": {pooled(fleet, "lb_policy bounded_load_hash {header.None} {\nfallback first\n}"), "first", "fallback", false},
		"zone":           {poolWith(zoned, roundRobin), "smooth_weighted_round_robin", "zone_spill", true},
		"tier":           {poolWith(tiered, roundRobin), "smooth_weighted_round_robin", "tier_spill", true},
		"tier, Caddy's":  {poolWith(tiered, "lb_policy least_conn"), "least_conn", "tier_spill", true},
	} {
		t.Run(name, func(t *testing.T) {
			if c.down {
				fleet[0].kill()
				defer fleet[0].start()
			}
			p := startProxy(t, c.site)
			if c.down {
				eventually(t, "the endpoint is unhealthy", func() bool {
					return p.scrape()[`pool_endpoints{pool="web",state="unhealthy"}`] == 1
				})
			}
			expectOK(t)(p.client().get("/"))
			p.expectSeries(map[string]float64{
				fmt.Sprintf(`pool_picks_total{policy=%q,pool="web",reason=%q}`, c.policy, c.reason): 1,
			})
		})
	}
}

func TestAKeyWhoseEndpointIsFullOverflows(t *testing.T) {
	handler := newBlockingHandler()
	fleet := startBackends(t, 2, handler.serve)
	p := startProxy(t, pooled(fleet, "lb_policy bounded_load_hash {header.Key} 1"))
	c := p.client()
	for range 2 {
		go c.get("/", "Key", "hot")
		receive(t, handler.arrived)
	}
	p.expectSeries(map[string]float64{
		`pool_picks_total{policy="bounded_load_hash",pool="web",reason="sticky"}`:   1,
		`pool_picks_total{policy="bounded_load_hash",pool="web",reason="overflow"}`: 1,
		`pool_requests_in_flight{pool="web"}`:                                       2,
	})
	close(handler.release)
}

func TestMetricsOutliveReloadsAndEndpointsDoNot(t *testing.T) {
	fleet := startBackends(t, 2)
	p := startProxy(t, pooled(fleet, roundRobin))
	c := p.retryingClient()
	for range 10 {
		expectOK(t)(c.get("/"))
	}
	series := func(i int) string {
		return fmt.Sprintf(`endpoint_picks_total{endpoint=%q,pool="web"}`, fleet[i].address)
	}
	var counted map[string]float64
	eventually(t, "the picks are counted", func() bool {
		counted = p.scrape()
		return counted[series(0)]+counted[series(1)] == 10
	})
	if err := p.reload(pooled(fleet[:1], roundRobin)); err != nil {
		t.Fatal(err)
	}
	before := p.scrape()
	if _, there := before[series(1)]; there {
		t.Error("the endpoint that left has series")
	}
	if before[series(0)] < counted[series(0)] {
		t.Errorf("the reload reset a counter to %v", before[series(0)])
	}
	if err := p.reload(pooled(fleet[:1], roundRobin), "respond another"); err != nil {
		t.Fatal(err)
	}
	if after := p.scrape()[series(0)]; after < before[series(0)] {
		t.Errorf("the reload reset a counter from %v to %v", before[series(0)], after)
	}
}

func TestStaticUpstreamsWithAPolicyOfOursHaveMetrics(t *testing.T) {
	fleet := startBackends(t, 2)
	p := startProxy(t, fmt.Sprintf("reverse_proxy %s {\n%s\n}", fleet, roundRobin))
	expectOK(t)(p.client().get("/"))
	expectOK(t)(p.client().get("/"))
	p.expectSeries(map[string]float64{
		fmt.Sprintf(`endpoint_attempts_total{endpoint=%q,outcome="worked",pool="",reason="answered"}`, fleet[0].address): 1,
		fmt.Sprintf(`endpoint_picks_total{endpoint=%q,pool=""}`, fleet[1].address):                                       1,
		`pool_picks_total{policy="smooth_weighted_round_robin",pool="",reason="first_choice"}`:                           2,
	})
}

func TestARouteIsNoLabel(t *testing.T) {
	fleet := startBackends(t, 1)
	p := startProxy(t, pooled(fleet, ""))
	for i := range 20 {
		expectOK(t)(p.client().get(fmt.Sprintf("/a/%d/secret-%d", i, i)))
	}
	for series := range p.scrape() {
		if strings.Contains(series, "secret") || strings.Contains(series, "/a/") {
			t.Errorf("%s has a label that a client chose", series)
		}
	}
}
