package http

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/leaktest"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// ask requests a list a number of times, as Run does, and returns the last answer.
func ask(t *testing.T, s *Source, times int) (discovery.Answer, error) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	defer cancel()
	if err := s.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	client, closeIdle := s.client()
	defer closeIdle()
	list := list{source: s, client: client, limit: discovery.DefaultMaxEndpoints}
	answer, err := list.get(ctx)
	for range times - 1 {
		answer, err = list.get(ctx)
	}
	return answer, err
}

// listen starts a server on loopback.
func listen(t *testing.T, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, text) }
}

func TestAnEntryWithAMistakeIsDroppedAlone(t *testing.T) {
	server := listen(t, body(`["10.0.0.1:80", {"address": "10.0.0.2:80", "weight": -1}, {"targets": ["10.0.0.3:80"], "labels": {"weight": "3"}}]`))
	answer, err := ask(t, &Source{URL: server.URL}, 1)
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.WantEndpoints(t, answer, "10.0.0.1:80 weight 1 priority 0", "10.0.0.3:80 weight 3 priority 0")
	sourcetest.WantDropped(t, answer, "entry 2 (10.0.0.2:80): weight: -1 is not between 0 and 65535")
}

func TestATargetWithAMistakeIsDroppedAlone(t *testing.T) {
	server := listen(t, body(`[{"targets": ["10.0.0.1:80", "10.0.0.2", null, "10.0.0.3:80"], "labels": {"weight": "much"}}, null, {"targets": ["10.0.0.1:80"]}]`))
	answer := sourcetest.Start(t, &Source{URL: server.URL}).WantList("10.0.0.1:80", "10.0.0.3:80")
	for i, want := range []string{
		"entry 1: weight: much is not a whole number in decimal digits",
		"entry 1 (10.0.0.2): address: ",
		"entry 1: targets: is null; expected text",
		"entry 2: is null; expected an address or an object with an address",
		"entry 3 (10.0.0.1:80): address: is already in entry 1 on line 1",
	} {
		if len(answer.Dropped) != 5 || !strings.HasPrefix(answer.Dropped[i].Key+": "+answer.Dropped[i].Err.Error(), want) {
			t.Errorf("dropped %v; want %s", answer.Dropped, want)
		}
	}
}

func TestAnEmptyListIsAnAnswer(t *testing.T) {
	answer, err := ask(t, &Source{URL: listen(t, body("[]")).URL}, 1)
	if err != nil || answer.Endpoints == nil || len(answer.Endpoints) > 0 || answer.Authoritative {
		t.Errorf("got %+v, %v", answer, err)
	}
}

func TestABodyThatIsNoListIsAnError(t *testing.T) {
	for text, want := range map[string]string{
		"":                                    "the list: is empty; an empty list is written as []",
		"- 10.0.0.1:80\n":                     `the list is not JSON; it starts with "- 10.0.0.1:80\n"`,
		"\x1f\x8b\x08\x00":                    `the list is not JSON; it starts with "\x1f\x8b\b\x00"`,
		`{"address":"a:1"}`:                   "the list: is an object; expected a list of endpoints",
		`["a:1"`:                              "the list: unexpected end of JSON input",
		`["` + "\xff" + `"]`:                  "the list: is not UTF-8",
		`[` + strings.Repeat(" ", 1000) + "]": "the list has more than 1000 bytes; max_size allows more, up to 16777216",
	} {
		server := listen(t, body(text))
		_, err := ask(t, &Source{URL: server.URL + "/list.yaml", MaxSize: 1000}, 1)
		if want := server.URL + "/list.yaml: " + want; err == nil || err.Error() != want {
			t.Errorf("%q: got %v; want %s", text, err, want)
		}
	}
}

func TestAnUnchangedVersionIsNotSentAgain(t *testing.T) {
	for field, condition := range map[string]string{"ETag": "If-None-Match", "Last-Modified": "If-Modified-Since"} {
		sent := 0
		server := listen(t, func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get(condition) == "Mon, 02 Jan 2006 15:04:05 GMT" {
				w.WriteHeader(http.StatusNotModified)
				return
			}
			sent++
			w.Header().Set(field, "Mon, 02 Jan 2006 15:04:05 GMT")
			_, _ = io.WriteString(w, `["10.0.0.1:80"]`)
		})
		answer, err := ask(t, &Source{URL: server.URL}, 3)
		if got := sourcetest.Addresses(answer.Endpoints); got != "10.0.0.1:80" || err != nil || sent != 1 {
			t.Errorf("%s: sent %d times; got %s, %v", field, sent, got, err)
		}
	}
}

func TestNotModifiedWithoutAListIsAnError(t *testing.T) {
	server := listen(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) })
	if _, err := ask(t, &Source{URL: server.URL}, 1); err == nil || !strings.HasSuffix(err.Error(), "status 304 Not Modified") {
		t.Errorf("got %v", err)
	}
}

func TestHeadersAndTheTokenAreSent(t *testing.T) {
	t.Setenv("CADDY_BALANCE_TOKEN", "s3cret")
	var got string
	server := listen(t, func(w http.ResponseWriter, r *http.Request) {
		got = fmt.Sprintf("%v %v %s %v", r.Header["Authorization"], r.Header["X-Tenant"], r.Host, r.Header["Accept"])
		body("[]")(w, r)
	})
	s := &Source{URL: server.URL, BearerToken: "{env.CADDY_BALANCE_TOKEN}", Headers: map[string]string{"x-tenant": "{env.CADDY_BALANCE_TOKEN}", "host": "registry.test"}}
	if _, err := ask(t, s, 1); err != nil {
		t.Fatal(err)
	}
	if want := "[Bearer s3cret] [s3cret] registry.test [application/json]"; got != want {
		t.Errorf("got %s; want %s", got, want)
	}
}

func TestCertificatesAreVerifiedByDefault(t *testing.T) {
	server := httptest.NewUnstartedServer(body(`["10.0.0.1:80"]`))
	server.EnableHTTP2 = true
	server.Config.ErrorLog = quiet
	server.StartTLS()
	t.Cleanup(server.Close)
	if _, err := ask(t, &Source{URL: server.URL}, 1); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("got %v; want an unknown authority", err)
	}
	unverified := &reverseproxy.TLSConfig{InsecureSkipVerify: true}
	if _, err := ask(t, &Source{URL: server.URL, TLS: unverified}, 1); err != nil {
		t.Error(err)
	}
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := Source{URL: server.URL}
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	s.tls = &tls.Config{RootCAs: roots}
	client, closeIdle := s.client()
	defer closeIdle()
	if _, err := (&list{source: &s, client: client, limit: 10}).get(t.Context()); err != nil {
		t.Error(err)
	}
}

func TestAListThatChangesIsFollowed(t *testing.T) {
	before := goleak.IgnoreCurrent()
	t.Run("run", func(t *testing.T) {
		text := make(chan string, 1)
		text <- `["10.0.0.1:80"]`
		server := listen(t, func(w http.ResponseWriter, r *http.Request) {
			now := <-text
			text <- now
			if now == "" {
				w.WriteHeader(http.StatusInternalServerError)
			}
			body(now)(w, r)
		})
		running := sourcetest.Start(t, &Source{URL: server.URL, Interval: caddy.Duration(100 * time.Millisecond)})
		running.WantList("10.0.0.1:80")
		<-text
		text <- `["10.0.0.1:80", "10.0.0.2:80"]`
		running.WantList("10.0.0.1:80", "10.0.0.2:80")
		<-text
		text <- ""
		running.WantError(server.URL + ": status 500 Internal Server Error")
	})
	leaktest.WantNone(t, before)
}
