package pool_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/discovery/pool"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	_ "github.com/caddy-balance/caddy-balance/lbpolicy"
)

func init() {
	caddy.RegisterModule(new(benchTransport))
	caddy.RegisterModule(new(benchList))
	caddy.RegisterModule(new(benchSource))
}

var ours = []string{
	`{"policy": "adaptive_latency"}`,
	`{"policy": "smooth_weighted_round_robin"}`,
	`{"policy": "bounded_load_hash", "key": "{http.request.uri.path}"}`,
	`{"policy": "weighted_least_conn"}`,
	`{"policy": "weighted_random"}`,
	`{"policy": "weighted_first"}`,
	`{"policy": "sticky", "header": {"name": "Accept"}}`,
	`{"policy": "split", "groups": [
		{"name": "stable"}, {"name": "canary", "match": {"address": "10.0.0.0:8080"}, "share": 10}
	]}`,
}

// BenchmarkRequest compares each kind of upstreams with one static upstream and no module of this
// project. x-static is the time of a request as a multiple of the time with that upstream.
func BenchmarkRequest(b *testing.B) {
	base := quietContext(b)
	static := newHandler(b, base, `{"upstreams": [{"dial": "10.0.0.0:8080"}], "transport": {"protocol": "bench"}}`)
	run := func(name, config string) {
		b.Run(name, func(b *testing.B) {
			h := static
			if config != "" {
				h = newHandler(b, base, config)
			}
			compareTo(b, h, static, "x-static")
		})
	}
	run("upstreams=static/endpoints=1", "")
	for _, n := range []int{1, 5000} {
		for _, p := range ours {
			run(fmt.Sprintf("upstreams=pool/endpoints=%d/policy=%s", n, policyName(p)), poolConfig(n, p))
		}
		// The list of an upstream source that is not a pool.
		run(fmt.Sprintf("upstreams=dynamic/endpoints=%d/policy=least_conn", n), fmt.Sprintf(`{
			"dynamic_upstreams": {"source": "bench", "endpoints": %d},
			"load_balancing": {"selection_policy": {"policy": "least_conn"}},
			"transport": {"protocol": "bench"}
		}`, n))
		// The least that a source costs: it returns a random one, and counts nothing.
		run(fmt.Sprintf("upstreams=one/endpoints=%d/policy=first", n), fmt.Sprintf(`{
			"dynamic_upstreams": {"source": "bench", "endpoints": %d, "one": true},
			"load_balancing": {"selection_policy": {"policy": "first"}},
			"transport": {"protocol": "bench"}
		}`, n))
	}
}

// compareTo reports the time of a handler as a multiple of that of another one. It serves a few
// requests at a time by each in turn, because other work of the machine must affect both equally,
// and neither may always find the caches as the other left them.
func compareTo(b *testing.B, h, other caddyhttp.MiddlewareHandler, unit string) {
	const few = 10
	took := func(h caddyhttp.MiddlewareHandler) time.Duration {
		start := time.Now()
		for range few {
			serve(b, h)
		}
		return time.Since(start)
	}
	serve(b, h) // waits for the pool's first list
	b.ReportAllocs()
	for b.Loop() {
		serve(b, h)
	}
	var ours, others []time.Duration
	for range 1 + b.N/few {
		ours, others = append(ours, took(h)), append(others, took(other))
	}
	b.ReportMetric(float64(median(ours))/float64(median(others)), unit)
}

func median(d []time.Duration) time.Duration {
	slices.Sort(d)
	return d[len(d)/2]
}

// serve serves one request as net/http and Caddy's server do.
func serve(b *testing.B, h caddyhttp.MiddlewareHandler) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	r := &http.Request{
		Method: http.MethodGet, URL: &url.URL{Path: "/products/1"}, RequestURI: "/products/1",
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Accept": {"*/*"}, "User-Agent": {"benchmark"}},
		Host:   "example.com", RemoteAddr: "192.0.2.1:1234", Body: http.NoBody,
	}
	w := &benchWriter{header: make(http.Header)}
	r = caddyhttp.PrepareRequest(r.WithContext(ctx), caddy.NewReplacer(), w, benchServer)
	if err := h.ServeHTTP(w, r, nothing); err != nil {
		b.Fatal(err)
	}
}

var (
	benchServer = new(caddyhttp.Server)
	nothing     = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })
)

// BenchmarkMembershipChange10000 measures the way from an answer of a source to the tables that a
// policy picks from: merging, comparing, publishing.
func BenchmarkMembershipChange10000(b *testing.B) {
	const n = 10_000
	base := quietContext(b)
	for _, p := range ours {
		b.Run("policy="+policyName(p), func(b *testing.B) {
			h := newHandler(b, base, poolConfig(n, p)).(*reverseproxy.Handler)
			report := <-benchReports
			changed := make(chan int, 1)
			roster := h.DynamicUpstreams.(*pool.Pool).Roster()
			defer roster.Subscribe(func(s *endpoint.Snapshot) { changed <- len(s.Members) })()
			for <-changed < n { // until the first list is there
			}
			lists := [2][]discovery.Endpoint{benchEndpoints(n), benchEndpoints(n)}
			lists[1][n/2].Address = "10.9.9.9:8080"
			b.ReportAllocs()
			for i := 1; b.Loop(); i++ {
				report(discovery.Answer{Endpoints: lists[i%2], Authoritative: true})
				<-changed
			}
		})
	}
}

func poolConfig(n int, policy string) string {
	return fmt.Sprintf(`{
		"dynamic_upstreams": {
			"source": "pool", "name": "bench", "update_interval": 0,
			"sources": [{"source": "bench", "endpoints": %d}]
		},
		"load_balancing": {"selection_policy": %s},
		"transport": {"protocol": "bench"}
	}`, n, policy)
}

func policyName(config string) string {
	var c struct{ Policy string }
	_ = json.Unmarshal([]byte(config), &c)
	return c.Policy
}

func benchEndpoints(n int) []discovery.Endpoint {
	endpoints := make([]discovery.Endpoint, n)
	for i := range endpoints {
		endpoints[i] = discovery.Endpoint{Address: fmt.Sprintf("10.0.%d.%d:8080", i>>8, i&255), Weight: 1 + i%10}
	}
	return endpoints
}

// quietContext returns the context of a config that logs nothing.
func quietContext(b testing.TB) caddy.Context {
	ctx, err := caddy.ProvisionContext(&caddy.Config{
		Logging: &caddy.Logging{Logs: map[string]*caddy.CustomLog{
			"default": {BaseLog: caddy.BaseLog{WriterRaw: []byte(`{"output": "discard"}`)}},
		}},
		AppsRaw: caddy.ModuleMap{"events": []byte(`{}`)},
	})
	if err != nil {
		b.Fatal(err)
	}
	return ctx
}

func newHandler(b testing.TB, base caddy.Context, config string) caddyhttp.MiddlewareHandler {
	ctx, cancel := caddy.NewContext(base)
	b.Cleanup(cancel)
	h, err := ctx.LoadModuleByID("http.handlers.reverse_proxy", []byte(config))
	if err != nil {
		b.Fatal(err)
	}
	return h.(caddyhttp.MiddlewareHandler)
}

// benchTransport answers at once. It derives a context from the request's, as net/http's transport
// does.
type benchTransport struct{}

func (*benchTransport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.transport.bench",
		New: func() caddy.Module { return new(benchTransport) },
	}
}

func (*benchTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	_, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	return &http.Response{
		StatusCode: http.StatusOK, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: r,
		Header: http.Header{"Content-Type": {"text/plain"}}, ContentLength: 4,
		Body: io.NopCloser(strings.NewReader("body")),
	}, nil
}

// benchList is an upstream source that is not a pool.
type benchList struct {
	Endpoints int  `json:"endpoints"`
	One       bool `json:"one"` // it returns a random one only
	endpoints []discovery.Endpoint
}

func (*benchList) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.reverse_proxy.upstreams.bench", New: func() caddy.Module { return new(benchList) }}
}

func (l *benchList) Provision(caddy.Context) error {
	l.endpoints = benchEndpoints(l.Endpoints)
	return nil
}

func (l *benchList) GetUpstreams(*http.Request) ([]*reverseproxy.Upstream, error) {
	if l.One {
		return []*reverseproxy.Upstream{{Dial: l.endpoints[rand.IntN(len(l.endpoints))].Address}}, nil
	}
	upstreams := make([]*reverseproxy.Upstream, len(l.endpoints))
	for i := range upstreams {
		upstreams[i] = &reverseproxy.Upstream{Dial: l.endpoints[i].Address}
	}
	return upstreams, nil
}

// benchSource reports a number of endpoints, and passes the report function of its pool to the
// benchmark.
type benchSource struct {
	Endpoints int `json:"endpoints"`
}

var benchReports = make(chan discovery.Report)

func (*benchSource) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.sources.bench",
		New: func() caddy.Module { return new(benchSource) },
	}
}

func (s *benchSource) Run(ctx context.Context, report discovery.Report) error {
	report(discovery.Answer{Endpoints: benchEndpoints(s.Endpoints), Authoritative: true})
	select {
	case benchReports <- report:
		<-ctx.Done()
	case <-ctx.Done():
	}
	return nil
}

// benchWriter is a response writer that discards everything.
type benchWriter struct{ header http.Header }

func (w *benchWriter) Header() http.Header         { return w.header }
func (w *benchWriter) Write(b []byte) (int, error) { return len(b), nil }
func (w *benchWriter) WriteHeader(int)             {}
