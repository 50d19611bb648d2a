package traffic

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
)

// plainProxy is a reverse proxy without a pool. Caddy would leave idle connections of it open.
func plainProxy(f fleet) string {
	return fmt.Sprintf("reverse_proxy %s {\n%s\n}", f[0].address, unkept)
}

// expectNoPlaceWhileServing sends two requests, and checks that both are served elsewhere at the
// same time, although the pool web lets in one at a time, and that none holds a place there.
func expectNoPlaceWhileServing(t *testing.T, c *client, elsewhere *blockingHandler, method string) {
	t.Helper()
	done := make(chan error)
	for range 2 {
		go func() {
			a, err := c.send(method, "/", nil)
			if err == nil && a.status != http.StatusOK {
				err = fmt.Errorf("status %d: %s", a.status, a.body)
			}
			done <- err
		}()
		receive(t, elsewhere.arrived)
	}
	awaitGate(t, 0, 0)
	close(elsewhere.release)
	for range 2 {
		if err := receive(t, done); err != nil {
			t.Error(err)
		}
	}
}

func TestRoutesThatHandleAnAnswerDoNotHoldItsPlace(t *testing.T) {
	elsewhere := newBlockingHandler()
	auth := startBackends(t, 1, func(_ *backend, w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, strings.Repeat("welcome ", 1000)) // a body that Caddy does not read
	})
	app := startBackends(t, 1, elsewhere.serve)
	c := startProxy(t, gated(auth, "max_in_flight 1", `@good status 2xx
		handle_response @good {
			`+plainProxy(app)+`
		}`)).client()
	expectNoPlaceWhileServing(t, c, elsewhere, http.MethodGet)
}

func TestARequestThatFailedDoesNotHoldItsPlaceWhileItsErrorIsHandled(t *testing.T) {
	closes := func(_ *backend, w http.ResponseWriter, _ *http.Request) { closeConnection(w) }
	for name, c := range map[string]struct{ method, limits, lines string }{
		"without retries":                   {http.MethodGet, "", ""},
		"after the last retry":              {http.MethodGet, "", "lb_retries 2"},
		"after the time for retries":        {http.MethodGet, "", "lb_try_duration 1ms"},
		"that may not be repeated":          {http.MethodPost, "", "lb_retries 2"},
		"that no matcher allows to repeat":  {http.MethodGet, "", "lb_retries 2\nlb_retry_match method PUT"},
		"that the budget does not allow":    {http.MethodGet, "\nretry_budget 0% 0", "lb_retries 2"},
		"in a transport without a response": {http.MethodGet, "", "transport http {\nresponse_header_timeout 10ms\n}"},
	} {
		t.Run(name, func(t *testing.T) {
			serve := closes
			if strings.Contains(c.lines, "transport") {
				serve = func(_ *backend, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
			}
			elsewhere := newBlockingHandler()
			fleet, app := startBackends(t, 2, serve), startBackends(t, 1, elsewhere.serve)
			errors := "\nhandle_errors {\n" + plainProxy(app) + "\n}"
			proxy := startProxy(t, gated(fleet, "max_in_flight 1"+c.limits, c.lines)+errors)
			expectNoPlaceWhileServing(t, proxy.client(), elsewhere, c.method)
		})
	}
}

func TestARequestWithoutAnEndpointDoesNotHoldItsPlaceWhileItsErrorIsHandled(t *testing.T) {
	elsewhere := newBlockingHandler()
	app := startBackends(t, 1, elsewhere.serve)
	proxy := startProxy(t, fmt.Sprintf(`reverse_proxy {
		dynamic pool web {
			source static {
				endpoint 127.0.0.1:1 {
					weight 0
				}
			}
			max_in_flight 1
		}
	}
	handle_errors {
		%s
	}`, plainProxy(app)))
	expectNoPlaceWhileServing(t, proxy.client(), elsewhere, http.MethodGet)
}

// Without a second place it would wait for itself, because the copied answer is not read yet.
func TestARequestThatUsesAPoolTwiceNeedsOnePlace(t *testing.T) {
	fleet := startBackends(t, 1, func(_ *backend, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/second" {
			io.WriteString(w, "second")
			return
		}
		w.WriteHeader(http.StatusNotFound)
		io.WriteString(w, strings.Repeat("nothing ", 1000))
	})
	pool := fmt.Sprintf("dynamic pool web {\nsource static %s\nmax_in_flight 1\nqueue 1 1h\n}", fleet)
	c := startProxy(t, fmt.Sprintf(`reverse_proxy {
		%s
		@other status 404
		handle_response @other {
			@copied header Copied *
			copy_response @copied
			rewrite /second
			reverse_proxy {
				%s
			}
		}
	}`, pool, pool)).client()
	for range 3 {
		if a := expectOK(t)(c.get("/")); a.body != "second" {
			t.Errorf("got %q", a.body)
		}
	}
	expectStatus(t, http.StatusNotFound)(c.get("/", "Copied", "yes"))
	awaitGate(t, 0, 0)
}
