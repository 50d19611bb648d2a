package pool_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	_ "github.com/caddy-balance/caddy-balance/discovery/static"
)

// zonedHandler returns a reverse proxy with a pool of ten endpoints in two zones. The only endpoint
// in the proxy's own zone has a fifth of the five that would be the zone's fair part, and keeps a
// fifth of the requests.
func zonedHandler(t *testing.T, policy string) caddyhttp.MiddlewareHandler {
	t.Helper()
	endpoints := `{"address": "10.0.0.1:80", "zone": "own"}`
	for i := range 9 {
		endpoints += fmt.Sprintf(`, {"address": "10.0.1.%d:80", "zone": "other"}`, i)
	}
	return newHandler(t, quietContext(t), fmt.Sprintf(`{
		"dynamic_upstreams": {
			"source": "pool", "name": "zoned", "zone": "own",
			"sources": [{"source": "static", "endpoints": [%s]}]
		},
		"load_balancing": {"selection_policy": %s},
		"transport": {"protocol": "bench"}
	}`, endpoints, policy))
}

// clientRequest is a request that differs from those of other clients in all that a policy may
// hash.
func clientRequest(client int) *http.Request {
	r := httptest.NewRequest(http.MethodGet, fmt.Sprintf("/%d?session=%d&page=1", client, client), nil)
	r.RemoteAddr = fmt.Sprintf("192.0.2.%d:1234", client)
	r.Host = fmt.Sprintf("%d.example.com", client)
	r.Header.Set("X-User", fmt.Sprint("user", client))
	return r
}

// servedBy serves a request, and returns the address of the endpoint and the cookies that were set.
func servedBy(t *testing.T, h caddyhttp.MiddlewareHandler, r *http.Request) (address string, set []*http.Cookie) {
	t.Helper()
	ctx, end := context.WithCancel(r.Context())
	defer end()
	w := httptest.NewRecorder()
	r = caddyhttp.PrepareRequest(r.WithContext(ctx), caddy.NewReplacer(), w, benchServer)
	caddyhttp.SetVar(r.Context(), caddyhttp.ClientIPVarKey, r.RemoteAddr)
	if err := h.ServeHTTP(w, r, nothing); err != nil {
		t.Fatal(err)
	}
	repl := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	address, _ = repl.GetString("http.reverse_proxy.upstream.hostport")
	return address, w.Result().Cookies()
}

// wantAFifth fails the test if the own zone has nowhere near a fifth of 100 requests. The standard
// deviation is 4.
func wantAFifth(t *testing.T, own, all int) {
	t.Helper()
	if own < 1 || own > 42 {
		t.Errorf("%d of %d are in the own zone, want about a fifth", own, all)
	}
}

func TestWhatCaddysPoliciesHashStaysInItsBand(t *testing.T) {
	for _, policy := range []string{
		`{"policy": "ip_hash"}`,
		`{"policy": "client_ip_hash"}`,
		`{"policy": "uri_hash"}`,
		`{"policy": "query", "key": "session"}`,
		`{"policy": "header", "field": "X-User"}`,
		`{"policy": "header", "field": "Host"}`,
		`{"policy": "header", "field": "None", "fallback": {"policy": "query", "key": "session"}}`,
		`{"policy": "query", "key": "none", "fallback": {
			"policy": "header", "field": "None", "fallback": {"policy": "ip_hash"}}}`,
		`{"policy": "cookie", "fallback": {"policy": "ip_hash"}}`,
		`{"policy": "bounded_load_hash", "key": "{http.request.header.None}", "fallback": {"policy": "uri_hash"}}`,
	} {
		t.Run(policy, func(t *testing.T) {
			h := zonedHandler(t, policy)
			const clients = 100
			own := 0
			for client := range clients {
				first, _ := servedBy(t, h, clientRequest(client))
				if first == "10.0.0.1:80" {
					own++
				}
				for range 10 {
					if again, _ := servedBy(t, h, clientRequest(client)); again != first {
						t.Fatalf("client %d was sent to %s and to %s", client, first, again)
					}
				}
			}
			wantAFifth(t, own, clients)
		})
	}
}

func TestACookieOfCaddysStaysInTheBandOfItsEndpoint(t *testing.T) {
	for _, policy := range []string{
		`{"policy": "cookie"}`,
		`{"policy": "cookie", "name": "session", "secret": "hidden"}`,
		`{"policy": "bounded_load_hash", "key": "{http.request.header.None}", "fallback": {"policy": "cookie"}}`,
	} {
		t.Run(policy, func(t *testing.T) {
			h := zonedHandler(t, policy)
			const clients = 100
			own := 0
			for range clients {
				first, cookies := servedBy(t, h, clientRequest(1))
				if first == "10.0.0.1:80" {
					own++
				}
				for range 10 {
					r := clientRequest(1)
					r.AddCookie(cookies[0])
					again, changed := servedBy(t, h, r)
					if again != first || len(changed) > 0 {
						t.Fatalf("%s has set the cookie, and %s was asked", first, again)
					}
				}
			}
			wantAFifth(t, own, clients)
		})
	}
}

func TestACookieOfAnEndpointThatIsGoneIsReplaced(t *testing.T) {
	h := zonedHandler(t, `{"policy": "cookie"}`)
	own := 0
	for range 100 {
		r := clientRequest(1)
		r.AddCookie(&http.Cookie{Name: "lb", Value: "0123456789abcdef"})
		address, cookies := servedBy(t, h, r)
		if len(cookies) != 1 {
			t.Fatalf("%d cookies were set", len(cookies))
		}
		if address == "10.0.0.1:80" {
			own++
		}
	}
	wantAFifth(t, own, 100)
}

func TestRequestsWithoutAKeyAreSpreadOverTheBands(t *testing.T) {
	for _, policy := range []string{
		`{"policy": "header", "field": "None"}`, `{"policy": "query", "key": "none"}`, `{"policy": "random"}`,
	} {
		t.Run(policy, func(t *testing.T) {
			h := zonedHandler(t, policy)
			own := 0
			for range 100 {
				if address, _ := servedBy(t, h, clientRequest(1)); address == "10.0.0.1:80" {
					own++
				}
			}
			wantAFifth(t, own, 100)
		})
	}
}
