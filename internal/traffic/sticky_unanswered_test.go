package traffic

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"testing"
)

// stickyCarrierCases are the ways to keep a session, with the request of a client that has one.
var stickyCarrierCases = map[string]struct {
	options string
	header  []string // of each request
}{
	"cookie":      {"", nil},
	"cookie idle": {"cookie {\nidle 1h\n}", nil},
	"return":      {"return", nil},
	"token":       {"header X-Session {\nvalue token\n}", nil},
	"learn":       {"learn PHPSESSID", []string{"Cookie", "PHPSESSID=4f2a"}},
	"remembered":  {"header X-Room", []string{"X-Room", "7"}},
}

// sessionClient keeps its cookies and its token.
type sessionClient struct {
	*client
	header []string
	token  string
}

func (c *sessionClient) get(path string) (answer, error) {
	header := c.header
	if c.token != "" {
		header = append(header[:len(header):len(header)], "X-Session", c.token)
	}
	a, err := c.client.get(path, header...)
	if token := a.header.Get("X-Session"); token != "" {
		c.token = token
	}
	return a, err
}

// expectNoSession fails the test if an answer gives the client a session.
func expectNoSession(t *testing.T, a answer) {
	t.Helper()
	if a.header.Get("Set-Cookie") != "" || a.header.Get("X-Session") != "" {
		t.Errorf("the answer %d has the cookies %q and the token %q",
			a.status, a.header["Set-Cookie"], a.header["X-Session"])
	}
}

// forEveryCarrier runs a test with three backends in a pool and as static upstreams.
func forEveryCarrier(
	t *testing.T, handler handlerFunc, options string, test func(t *testing.T, f fleet, c *sessionClient, status int),
) {
	t.Helper()
	for name, of := range stickyCarrierCases {
		for _, kind := range []string{"pool", "static", "pool by Caddy"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				f := startBackends(t, 3, handler)
				policy := "lb_policy sticky {\npolicy weighted_random\n" + of.options + "\n}\n" + options
				site := poolWith(staticEndpoints(f, "", "", ""), policy)
				switch kind {
				case "static":
					site = fmt.Sprintf("reverse_proxy %s {\n%s\n}", f, policy)
				case "pool by Caddy":
					policy = "lb_policy sticky {\npolicy random\n" + of.options + "\n}\n" + options
					site = poolWith(staticEndpoints(f, "", "", ""), policy)
				}
				c := &sessionClient{startProxy(t, site).cookieClient(), of.header, ""}
				test(t, f, c, http.StatusBadGateway)
			})
		}
	}
}

func TestNoSessionBeginsOrMovesWhenNoEndpointAnswers(t *testing.T) {
	forEveryCarrier(t, writeName, "", func(t *testing.T, f fleet, c *sessionClient, status int) {
		fail := func() {
			for _, b := range f {
				b.kill()
			}
			for range 3 {
				expectNoSession(t, expectStatus(t, status)(c.get("/")))
			}
			for _, b := range f {
				if err := b.start(); err != nil {
					t.Fatal(err)
				}
			}
		}
		fail()
		at := expectOK(t)(c.get("/")).backend
		for range 3 {
			fail()
			for range 3 {
				a := expectOK(t)(c.get("/"))
				expectNoSession(t, a)
				if a.backend != at {
					t.Fatalf("the session of %s is at %s after failures", at, a.backend)
				}
			}
		}
	})
}

// An answer that lb_retry_match refuses is not the answer that the client gets.
func TestNoSessionBeginsOrMovesWhenAllAnswersAreRefused(t *testing.T) {
	handler := func(b *backend, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/bad" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		writeName(b, w, r)
	}
	options := "lb_retries 2\nlb_retry_match `{rp.status_code} == 503`"
	forEveryCarrier(t, handler, options, func(t *testing.T, _ fleet, c *sessionClient, _ int) {
		expectNoSession(t, expectStatus(t, http.StatusServiceUnavailable)(c.get("/bad")))
		at := expectOK(t)(c.get("/")).backend
		for range 5 {
			expectNoSession(t, expectStatus(t, http.StatusServiceUnavailable)(c.get("/bad")))
			a := expectOK(t)(c.get("/"))
			expectNoSession(t, a)
			if a.backend != at {
				t.Fatalf("the session of %s is at %s after refused answers", at, a.backend)
			}
		}
	})
}

func TestTheAnswerOfAnUpgradeHasTheCookie(t *testing.T) {
	fleet := startBackends(t, 2, func(_ *backend, w http.ResponseWriter, _ *http.Request) {
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n")
		_, _ = buffered.ReadByte() // until the client closes
	})
	for name, site := range map[string]string{
		"pool": pooled(fleet, "lb_policy sticky"), "static": fmt.Sprintf("reverse_proxy %s {\nlb_policy sticky\n}", fleet),
	} {
		t.Run(name, func(t *testing.T) {
			request, _ := http.NewRequest(http.MethodGet, "http://site/", nil)
			request.Header.Set("Connection", "Upgrade")
			request.Header.Set("Upgrade", "x")
			answer, err := startProxy(t, site).client().Do(request)
			if err != nil {
				t.Fatal(err)
			}
			defer answer.Body.Close()
			if answer.StatusCode != http.StatusSwitchingProtocols || len(answer.Header["Set-Cookie"]) != 1 {
				t.Errorf("the answer %d has the cookies %q", answer.StatusCode, answer.Header["Set-Cookie"])
			}
		})
	}
}

// A budget of retries that is used up makes Caddy pass on what it would discard.
func TestASessionBeginsIfTheBudgetRefusesTheRetry(t *testing.T) {
	fleet := startBackends(t, 2, func(b *backend, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusServiceUnavailable)
	})
	c := startProxy(t, budgeted(fleet, "1% 0", stickyRandom+
		"\nlb_retries 2\nlb_retry_match `{rp.status_code} == 503`")).cookieClient()
	a := expectStatus(t, http.StatusServiceUnavailable)(c.get("/"))
	if len(a.header["Set-Cookie"]) != 1 || a.backend == "" {
		t.Errorf("the answer of %q has the cookies %q", a.backend, a.header["Set-Cookie"])
	}
}

func TestASessionOfTheErrorPageBegins(t *testing.T) {
	fleet := startBackends(t, 2)
	fleet[0].kill()
	site := fmt.Sprintf("reverse_proxy %s {\nlb_policy sticky {\ncookie {\nname first\n}\n}\n}\n"+
		"handle_errors {\nreverse_proxy %s {\nlb_policy sticky {\ncookie {\nname second\n}\n}\n}\n}",
		fleet[0].address, fleet[1].address)
	c := startProxy(t, site).client()
	a := expectOK(t)(c.get("/"))
	if set := a.header["Set-Cookie"]; a.backend != "b1" || len(set) != 1 || set[0][:7] != "second=" {
		t.Errorf("%q answered with the cookies %q", a.backend, set)
	}
}

func TestOnlyTheLastAnswerHasTheCookie(t *testing.T) {
	fleet := startBackends(t, 2, func(b *backend, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Link", "</style.css>; rel=preload")
		w.WriteHeader(http.StatusEarlyHints)
		io.WriteString(w, b.name)
	})
	site := pooled(fleet, stickyRandom)
	forEveryFrontProtocol(t, site, func(t *testing.T, _ frontProtocol, c *client) {
		hints := 0
		trace := &httptrace.ClientTrace{Got1xxResponse: func(_ int, h textproto.MIMEHeader) error {
			hints++
			if h.Get("Set-Cookie") != "" {
				t.Errorf("early hints have the cookie %s", h.Get("Set-Cookie"))
			}
			return nil
		}}
		request, _ := http.NewRequestWithContext(
			httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, c.base+"/", nil)
		a := expectOK(t)(c.do(request))
		if hints != 1 || len(a.header["Set-Cookie"]) != 1 {
			t.Errorf("got %d early hints, and the cookies %q", hints, a.header["Set-Cookie"])
		}
	})
}
