package attempt

import (
	"context"
	"io"
	"net/http"
	"net/http/httptrace"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// BenchmarkAttempt shows what an attempt costs as the difference between a bare transport and an
// observed one, from the pick to the end of the body. The case picked is the part of the pick: the
// place, the endpoints that were tried, the route, and the watch for the end of the request. The
// rest is that of the transport. All iterations use one request, because what a server allocates
// for a request is neither's.
func BenchmarkAttempt(b *testing.B) {
	next := backend(answerAsNetHTTP)
	t := &Transport{RoundTripper: next, Decay: DefaultDecay, routes: new(load.Routes)}
	t.key = "balance.attempts.0xc000123456"
	roster, release := endpoint.AcquireStatic()
	defer release()
	roster.Replace([]listing.Info{{Address: "a:1", Weight: 1}})
	e, r := roster.Snapshot().Members[0].Endpoint, servedRequest(b)
	sent := sentRequest(r)
	vars := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	b.Run("transport=bare", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			exchangeBody(b, next, sent)
		}
	})
	b.Run("picked", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.Reserve(0)
			attempts := t.Attempts(r)
			attempts.Begin(e)
			attempts.Abandon()
			vars[t.key] = nil // a request has variables of its own
		}
	})
	b.Run("transport=observed", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			e.Reserve(0)
			t.Attempts(r).Begin(e)
			exchangeBody(b, t, sent)
			vars[t.key] = nil
		}
	})
}

func exchangeBody(b *testing.B, t http.RoundTripper, r *http.Request) {
	res, err := t.RoundTrip(r)
	if err != nil {
		b.Fatal(err)
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
}

// answerAsNetHTTP derives a context from the request's, as net/http's transport does.
func answerAsNetHTTP(r *http.Request) (*http.Response, error) {
	_, cancel := context.WithCancelCause(r.Context())
	defer cancel(nil)
	// The body of a connection implements only Read and Close.
	return respond(http.StatusOK, io.NopCloser(struct{ io.Reader }{strings.NewReader("body")}))
}

// servedRequest has the layers of context that net/http's and Caddy's servers put around a request.
func servedRequest(b *testing.B) *http.Request {
	ctx := context.WithValue(context.Background(), http.ServerContextKey, new(http.Server))
	ctx = context.WithValue(ctx, http.LocalAddrContextKey, nil)
	ctx, closed := context.WithCancel(ctx)
	ctx, cancel := context.WithCancel(ctx)
	b.Cleanup(func() { cancel(); closed() })
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://a:1/", nil)
	if err != nil {
		b.Fatal(err)
	}
	return caddyhttp.PrepareRequest(r, caddy.NewReplacer(), nil, new(caddyhttp.Server))
}

// sentRequest has the layers that the reverse proxy adds before the round trip.
func sentRequest(r *http.Request) *http.Request {
	ctx := context.WithValue(r.Context(), caddy.CtxKey("reverse_proxy.dial_info"), reverseproxy.DialInfo{
		Upstream: &reverseproxy.Upstream{Dial: "a:1", Host: new(reverseproxy.Host)},
	})
	return r.WithContext(httptrace.WithClientTrace(ctx, new(httptrace.ClientTrace)))
}
