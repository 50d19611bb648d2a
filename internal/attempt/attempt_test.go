package attempt

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// backend answers a round trip.
type backend func(*http.Request) (*http.Response, error)

func (b backend) RoundTrip(r *http.Request) (*http.Response, error) { return b(r) }

func respond(status int, body io.ReadCloser) (*http.Response, error) {
	return &http.Response{StatusCode: status, Body: body, Header: make(http.Header)}, nil
}

// exchange is one request to the only endpoint of a handler.
type exchange struct {
	transport *Transport
	roster    *endpoint.Roster
	endpoint  *endpoint.Endpoint
	request   *http.Request
	attempts  *RequestAttempts
	cancel    context.CancelFunc
}

func start(t *testing.T, b backend) *exchange {
	t.Helper()
	roster, release := endpoint.AcquireStatic()
	t.Cleanup(release)
	return startAt(t, roster, b)
}

func startAt(t *testing.T, roster *endpoint.Roster, b backend) *exchange {
	t.Helper()
	roster.Replace([]listing.Info{{Address: "a:1", Weight: 1}})
	x := &exchange{
		transport: &Transport{RoundTripper: b, Decay: DefaultDecay, routes: new(load.Routes), key: "k"},
		roster:    roster,
		endpoint:  roster.Snapshot().Members[0].Endpoint,
	}
	x.request, x.cancel = newRequest(t)
	x.attempts = x.transport.Attempts(x.request)
	return x
}

func newRequest(t *testing.T) (*http.Request, context.CancelFunc) {
	ctx := context.WithValue(t.Context(), caddyhttp.VarsCtxKey, make(map[string]any))
	ctx = context.WithValue(ctx, caddy.CtxKey("reverse_proxy.dial_info"), reverseproxy.DialInfo{
		Upstream: &reverseproxy.Upstream{Dial: "a:1", Host: new(reverseproxy.Host)},
	})
	ctx, cancel := context.WithCancel(ctx)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://a:1/", nil)
	if err != nil {
		t.Fatal(err)
	}
	return r, cancel
}

func (x *exchange) pick() {
	x.endpoint.Reserve(0)
	x.attempts.Begin(x.endpoint)
}

// mean returns the mean time to first byte of the only route, 0 if there was no answer.
func (x *exchange) mean() (mean time.Duration) {
	routes := x.endpoint.Routes()
	if routes == nil {
		routes = x.transport.routes
	}
	for _, r := range routes.Status() {
		mean = r.Mean
	}
	return mean
}

// known reports whether anything is known of the endpoint's speed.
func (x *exchange) known() bool { return x.endpoint.Load.Read(load.Now(), DefaultDecay).Certainty > 0 }

func (x *exchange) surprise() float64 { return x.endpoint.Load.Surprise(load.Now(), DefaultDecay) }

func (x *exchange) inFlight() (inFlight, waiting int) {
	synctest.Wait()
	return x.endpoint.InFlight(), x.endpoint.Load.Waiting()
}

// expect compares the requests at the endpoint with these numbers.
func (x *exchange) expect(t *testing.T, when string, inFlight, waiting int) {
	t.Helper()
	if n, w := x.inFlight(); n != inFlight || w != waiting {
		t.Errorf("%s: %d in flight and %d waiting, want %d and %d", when, n, w, inFlight, waiting)
	}
}

// bubble runs a test with one exchange in a synctest bubble.
func bubble(t *testing.T, b backend, f func(t *testing.T, x *exchange)) {
	synctest.Test(t, func(t *testing.T) {
		x := start(t, b)
		defer x.cancel()
		f(t, x)
	})
}

func TestTakeReservesWithinTheLimit(t *testing.T) {
	ok := func(*http.Request) (*http.Response, error) { return respond(200, http.NoBody) }
	bubble(t, ok, func(t *testing.T, x *exchange) {
		if !x.attempts.Take(x.endpoint, 1) || !x.attempts.Tried(x.endpoint) || x.attempts.Picked() != x.endpoint {
			t.Error("the free place was not taken")
		}
		var untracked *RequestAttempts
		if x.attempts.Take(x.endpoint, 1) || untracked.Take(x.endpoint, 1) || !untracked.Take(x.endpoint, 2) {
			t.Error("the limit was not applied")
		}
		x.expect(t, "taken", 1, 0)
		x.cancel()
		x.expect(t, "over", 0, 0)
	})
}

func TestAnAttemptHoldsItsPlaceFromPickToEndOfBody(t *testing.T) {
	b := func(*http.Request) (*http.Response, error) {
		time.Sleep(time.Second)
		return respond(200, io.NopCloser(strings.NewReader("body")))
	}
	bubble(t, b, func(t *testing.T, x *exchange) {
		x.pick()
		x.expect(t, "picked", 1, 0)
		res, _ := x.transport.RoundTrip(x.request)
		x.expect(t, "answered", 1, 0)
		if mean := x.mean(); mean < 990*time.Millisecond || mean > 1010*time.Millisecond {
			t.Errorf("the mean is %s, want 1s", mean)
		}
		io.Copy(io.Discard, res.Body)
		x.expect(t, "read", 0, 0)
		res.Body.Close()
		x.cancel()
		x.expect(t, "closed and over", 0, 0)
	})
}

func TestEveryEndOfARequestGivesThePlaceBack(t *testing.T) {
	body := func() io.ReadCloser { return io.NopCloser(strings.NewReader("body")) }
	ok := func(*http.Request) (*http.Response, error) { return respond(200, body()) }
	hang := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	for name, c := range map[string]struct {
		backend backend
		do      func(x *exchange)
	}{
		"no round trip":      {ok, func(x *exchange) {}},
		"another pick":       {ok, func(x *exchange) { x.pick(); x.transport.RoundTrip(x.request) }},
		"body never closed":  {ok, func(x *exchange) { x.transport.RoundTrip(x.request) }},
		"body closed unread": {ok, func(x *exchange) { res, _ := x.transport.RoundTrip(x.request); res.Body.Close() }},
		"no body": {func(*http.Request) (*http.Response, error) { return respond(204, http.NoBody) },
			func(x *exchange) { x.transport.RoundTrip(x.request) }},
		"client gone while it waits": {hang, func(x *exchange) {
			time.AfterFunc(time.Second, x.cancel)
			x.transport.RoundTrip(x.request)
		}},
		"refused": {func(*http.Request) (*http.Response, error) { return nil, errors.New("refused") },
			func(x *exchange) { x.transport.RoundTrip(x.request) }},
		"panic in the transport": {func(*http.Request) (*http.Response, error) { panic("transport") },
			func(x *exchange) { defer func() { recover() }(); x.transport.RoundTrip(x.request) }},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, c.backend, func(t *testing.T, x *exchange) {
				x.pick()
				c.do(x)
				x.cancel() // as the server does when the handler returns or panics
				x.expect(t, "over", 0, 0)
			})
		})
	}
}

func TestOutcomesAreRecordedInTheLoad(t *testing.T) {
	failing := func(status int, err error) backend {
		return func(*http.Request) (*http.Response, error) {
			time.Sleep(time.Millisecond)
			if err != nil {
				return nil, err
			}
			return respond(status, http.NoBody)
		}
	}
	for name, c := range map[string]struct {
		backend                  backend
		wantHistory, wantFailure bool
	}{
		"200":     {failing(200, nil), true, false},
		"404":     {failing(404, nil), true, false},
		"429":     {failing(429, nil), false, false},
		"500":     {failing(500, nil), false, true},
		"503":     {failing(503, nil), false, true},
		"refused": {failing(0, errors.New("refused")), false, true},
	} {
		t.Run(name, func(t *testing.T) {
			bubble(t, c.backend, func(t *testing.T, x *exchange) {
				x.pick()
				x.transport.RoundTrip(x.request)
				if x.known() != c.wantHistory || (x.surprise() > 0) != c.wantFailure {
					t.Errorf("history %v, surprise %v", x.known(), x.surprise())
				}
			})
		})
	}
}

func TestAFastFailureDoesNotLookFast(t *testing.T) {
	status, took := 200, 100*time.Millisecond
	b := func(*http.Request) (*http.Response, error) {
		time.Sleep(took)
		return respond(status, http.NoBody)
	}
	for _, s := range []int{500, 502, 503, 429} {
		bubble(t, b, func(t *testing.T, x *exchange) {
			status, took = 200, 100*time.Millisecond
			x.pick()
			x.transport.RoundTrip(x.request)
			status, took = s, time.Millisecond
			time.Sleep(DefaultDecay)
			x.pick()
			x.transport.RoundTrip(x.request)
			if mean := x.mean(); mean < 90*time.Millisecond {
				t.Errorf("a %d after 1ms made the mean %s", s, mean)
			}
		})
	}
}

func TestAClientThatGivesUpCountsOnlyIfTheEndpointHangs(t *testing.T) {
	hangs := false
	b := func(r *http.Request) (*http.Response, error) {
		if !hangs {
			time.Sleep(10 * time.Millisecond)
			return respond(200, http.NoBody)
		}
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	for _, c := range []struct {
		name   string
		leaves time.Duration
		counts bool
	}{{"soon", 15 * time.Millisecond, false}, {"late", 3 * time.Second, true}} {
		t.Run(c.name, func(t *testing.T) {
			bubble(t, b, func(t *testing.T, x *exchange) {
				hangs = false
				x.pick()
				x.transport.RoundTrip(x.request)
				hangs = true
				x.pick()
				time.AfterFunc(c.leaves, x.cancel)
				x.transport.RoundTrip(x.request)
				synctest.Wait()
				if got := x.surprise() > 0; got != c.counts {
					t.Errorf("the surprise is %v", x.surprise())
				}
			})
		})
	}
}

// slowClient is a request body that takes a second for each read.
type slowClient struct{ reads int }

func (s *slowClient) Read(p []byte) (int, error) {
	time.Sleep(time.Second)
	if s.reads--; s.reads < 0 {
		return 0, io.EOF
	}
	return 1, nil
}

func (*slowClient) Close() error { return nil }

func TestASlowClientDoesNotCountAgainstTheEndpoint(t *testing.T) {
	b := func(r *http.Request) (*http.Response, error) {
		io.Copy(io.Discard, r.Body)
		time.Sleep(50 * time.Millisecond)
		return respond(200, http.NoBody)
	}
	bubble(t, b, func(t *testing.T, x *exchange) {
		body := &slowClient{reads: 9}
		x.request.Body = body
		x.pick()
		x.transport.RoundTrip(x.request)
		if mean := x.mean(); mean > 60*time.Millisecond {
			t.Errorf("the mean is %s, of which the endpoint took 50ms", mean)
		}
		if x.request.Body != io.ReadCloser(body) {
			t.Error("the request was changed")
		}
		x.expect(t, "over", 0, 0)
	})
}

// tunnel is the body of an upgraded connection.
type tunnel struct{ io.Reader }

func (*tunnel) Write(p []byte) (int, error) { return len(p), nil }
func (*tunnel) Close() error                { return nil }

type halfTunnel struct{ tunnel }

func (*halfTunnel) CloseWrite() error { return nil }

func TestAnUpgradedConnectionIsInFlightUntilItCloses(t *testing.T) {
	for name, body := range map[string]io.ReadWriteCloser{
		"plain":         &tunnel{strings.NewReader("")},
		"half closable": &halfTunnel{tunnel{strings.NewReader("")}},
	} {
		t.Run(name, func(t *testing.T) {
			upgrade := func(*http.Request) (*http.Response, error) { return respond(101, body) }
			bubble(t, upgrade, func(t *testing.T, x *exchange) {
				x.pick()
				res, _ := x.transport.RoundTrip(x.request)
				conn, ok := res.Body.(io.ReadWriteCloser)
				if !ok {
					t.Fatal("the connection is not writable")
				}
				if _, can := body.(closeWriter); can {
					if _, still := conn.(closeWriter); !still {
						t.Error("the connection is no longer half closable")
					}
				}
				conn.Read(make([]byte, 1)) // the backend has sent everything
				x.expect(t, "half closed", 1, 0)
				conn.Close()
				x.expect(t, "closed", 0, 0)
				if x.known() {
					t.Error("an upgraded connection has a latency")
				}
			})
		})
	}
}

func TestRequestsToUnknownUpstreamsPassThrough(t *testing.T) {
	ok := func(*http.Request) (*http.Response, error) { return respond(200, http.NoBody) }
	bubble(t, ok, func(t *testing.T, x *exchange) {
		check, _ := http.NewRequest(http.MethodGet, "http://a:1/", nil) // a health check has no variables
		if _, err := x.transport.RoundTrip(check); err != nil {
			t.Fatal(err)
		}
		x.transport.RoundTrip(x.request) // an upstream that no roster knows
		if x.known() || x.attempts.Any() {
			t.Error("the attempt was observed")
		}
	})
}

func TestAttemptsOfOtherPoliciesAreObservedOnceSent(t *testing.T) {
	ok := func(*http.Request) (*http.Response, error) { return respond(200, io.NopCloser(strings.NewReader("x"))) }
	synctest.Test(t, func(t *testing.T) {
		roster, release := endpoint.AcquireStatic()
		defer release()
		roster.Replace([]listing.Info{{Address: "a:1", Weight: 1}})
		tr := &Transport{RoundTripper: backend(ok), Decay: DefaultDecay, routes: new(load.Routes), key: "k"}
		tr.Observe(roster)
		r, cancel := newRequest(t)
		defer cancel()
		res, err := tr.RoundTrip(r)
		if e := roster.Snapshot().Members[0].Endpoint; err != nil || e.InFlight() != 1 {
			t.Fatalf("%d in flight, %v", e.InFlight(), err)
		}
		res.Body.Close()
		if e := roster.Snapshot().Members[0].Endpoint; e.InFlight() != 0 {
			t.Errorf("%d in flight after the end of the response", e.InFlight())
		}
	})
}
