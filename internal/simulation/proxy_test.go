package simulation

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	_ "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// proxy is one Caddy with one reverse_proxy handler.
type proxy struct {
	handler caddyhttp.MiddlewareHandler
	server  *caddyhttp.Server
}

// provisioning guards the global state that Caddy changes when it loads and unloads a config. Caddy
// itself never does that twice at the same time.
var provisioning sync.Mutex

// newProxy provisions a handler. unload ends what the handler started.
func newProxy(config json.RawMessage) (p *proxy, unload func(), err error) {
	provisioning.Lock()
	defer provisioning.Unlock()
	ctx, cancel := caddy.NewContext(base)
	handler, err := ctx.LoadModuleByID("http.handlers.reverse_proxy", config)
	if err != nil {
		cancel()
		return nil, nil, err
	}
	return &proxy{handler.(caddyhttp.MiddlewareHandler), new(caddyhttp.Server)}, func() {
		provisioning.Lock()
		defer provisioning.Unlock()
		cancel()
	}, nil
}

// handlerConfig returns the JSON of a reverse_proxy handler.
func handlerConfig(f *fleet, s *scenario, p policy, proxy int) json.RawMessage {
	config := map[string]any{
		"load_balancing": map[string]any{"selection_policy": json.RawMessage(strings.ReplaceAll(p.config, fleetName, f.name)), "retries": s.retries},
		"transport":      map[string]any{"protocol": "simulated", "fleet": f.name},
		// The default is two buffers of 32 KB for each upgraded connection.
		"stream_buffer_size": 16,
	}
	if s.members > 0 {
		config["dynamic_upstreams"] = pool(f, proxy, p.pool)
	} else {
		config["upstreams"] = staticUpstreams(f, proxy, s.limit)
	}
	text, _ := json.Marshal(config)
	return text
}

// pool returns the JSON of a pool that discovers the fleet's members. The settings in more are
// those of the policy under test; their checks use the simulated probe.
func pool(f *fleet, proxy int, more map[string]any) map[string]any {
	config := map[string]any{
		"source":  "pool",
		"name":    fmt.Sprintf("%s.p%d", f.name, proxy),
		"sources": []map[string]any{{"source": "simulated", "fleet": f.name, "proxy": proxy}},
	}
	maps.Copy(config, more)
	if health, ok := config["health"].(map[string]any); ok {
		health = maps.Clone(health)
		health["probe"] = map[string]any{"probe": "simulated", "fleet": f.name}
		config["health"] = health
	}
	return config
}

func staticUpstreams(f *fleet, proxy, limit int) []map[string]any {
	upstreams := make([]map[string]any, len(f.backends))
	for i, dial := range f.dials[proxy] {
		upstreams[i] = map[string]any{"dial": dial, "max_requests": limit}
	}
	return upstreams
}

// serve handles one request as net/http and Caddy's server do. The client leaves when its patience
// is over. It reports whether the client got a good response, or the error that it would get
// anywhere.
func (p *proxy) serve(a *arrival, deadline time.Duration) bool {
	ctx, cancel := context.WithCancel(withArrival(context.Background(), a))
	defer cancel()
	defer time.AfterFunc(a.kind.patience(deadline), cancel).Stop()
	w, began := &writer{header: make(http.Header)}, time.Now()
	r := caddyhttp.PrepareRequest(newRequest(ctx, a), caddy.NewReplacer(), w, p.server)
	err := p.handle(w, r)
	if a.visitor != nil {
		a.visitor.see(w.header, a.backend, began)
	}
	return err == nil && w.status >= 400 == a.fails()
}

// handle passes a request to the handler. Caddy leaves a response that it cannot complete by a
// panic that net/http ends, as when a client goes away in the middle.
func (p *proxy) handle(w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch reason := recover(); reason {
		case nil:
		case http.ErrAbortHandler:
			err = http.ErrAbortHandler
		default:
			panic(reason)
		}
	}()
	return p.handler.ServeHTTP(w, r, noNext)
}

var noNext = caddyhttp.HandlerFunc(func(http.ResponseWriter, *http.Request) error { return nil })

func newRequest(ctx context.Context, a *arrival) *http.Request {
	r := &http.Request{
		Method:     a.method,
		URL:        &url.URL{Path: a.path},
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     http.Header{"Key": {strconv.FormatUint(a.key, 10)}},
		Body:       http.NoBody,
		Host:       "example.com",
		RemoteAddr: "192.0.2.1:1234",
		RequestURI: a.path,
	}
	maps.Copy(r.Header, a.kind.header)
	if a.visitor != nil {
		r.Header.Set("Cookie", a.visitor.cookie())
	}
	if a.kind.stalls {
		r.Body, r.ContentLength = stalledBody{ctx}, 1<<20
	}
	return r.WithContext(ctx)
}

// writer is a response writer that keeps the status only.
type writer struct {
	header http.Header
	status int
}

func (w *writer) Header() http.Header         { return w.header }
func (w *writer) Write(b []byte) (int, error) { return len(b), nil }
func (w *writer) WriteHeader(status int)      { w.status = status }
