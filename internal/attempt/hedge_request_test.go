package attempt

import (
	"context"
	"net/http"
	"net/http/httptrace"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// hedgedRequest returns a request as Caddy sends it to a:80, and as it goes to b:8080 beside it.
func hedgedRequest(t *testing.T, host string) (first, second *http.Request) {
	t.Helper()
	replacer := caddy.NewEmptyReplacer()
	replacer.Set("http.reverse_proxy.upstream.host", "a")
	replacer.Set("http.request.host", "example.com")
	ctx := context.WithValue(t.Context(), caddyhttp.VarsCtxKey, map[string]any{"client": "x"})
	ctx = context.WithValue(ctx, caddy.ReplacerCtxKey, replacer)
	ctx = context.WithValue(ctx, dialInfoKey, dialInfoOf("a:80"))
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotFirstResponseByte: func() {}})
	first, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://a/path?q", nil)
	if err != nil {
		t.Fatal(err)
	}
	first.Host = host
	first.Header.Set("X", "y")
	roster, release := endpoint.AcquireStatic()
	t.Cleanup(release)
	roster.Replace([]listing.Info{{Address: "b:8080", Weight: 1}})
	h := &hedge{request: *first, url: *first.URL, variables: variablesOf(ctx)}
	second, cancel := h.requestTo(roster.Snapshot().Members[0].Endpoint)
	t.Cleanup(cancel)
	return first, second
}

func TestAHedgedRequestGoesToItsOwnUpstream(t *testing.T) {
	first, second := hedgedRequest(t, "example.com")
	if got := second.URL.String(); got != "http://b:8080/path?q" || second.Host != "example.com" {
		t.Errorf("it goes to %s with the host %s", got, second.Host)
	}
	info, ok := reverseproxy.GetDialInfo(second.Context())
	if !ok || info.Address != "b:8080" || info.Host != "b" || info.Port != "8080" || info.Upstream.Dial != "b:8080" {
		t.Errorf("it dials %+v", info)
	}
	second.Header.Set("X", "z")
	if first.URL.Host != "a" || first.Header.Get("X") != "y" {
		t.Error("the first request changed")
	}
}

func TestAHedgedRequestWithTheAddressAsItsHostHasItsOwn(t *testing.T) {
	if _, second := hedgedRequest(t, "a:80"); second.Host != "b:8080" {
		t.Errorf("the host is %s", second.Host)
	}
}

func TestAHedgedRequestSharesNothingThatTheTransportWritesInto(t *testing.T) {
	first, second := hedgedRequest(t, "example.com")
	trace := httptrace.ContextClientTrace(second.Context())
	if trace == nil || trace == httptrace.ContextClientTrace(first.Context()) || trace.GotFirstResponseByte != nil {
		t.Error("the trace is that of the first request")
	}
	caddyhttp.SetVar(second.Context(), "proxy", "set")
	if caddyhttp.GetVar(first.Context(), "proxy") != nil || caddyhttp.GetVar(second.Context(), "client") != "x" {
		t.Error("the variables are those of the first request")
	}
	replacer := second.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if got := replacer.ReplaceAll("{http.reverse_proxy.upstream.host} {http.request.host}", ""); got != "b example.com" {
		t.Errorf("placeholders are %s", got)
	}
}
