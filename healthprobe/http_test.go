package healthprobe

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func serveHTTP(t *testing.T, handler http.HandlerFunc) *Endpoint {
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return &Endpoint{Address: server.Listener.Addr().String()}
}

func answering(code int) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
}

func saying(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, text) }
}

func TestAnHTTPProbeChecksStatusAndBody(t *testing.T) {
	verifyNoLeaks(t)
	statuses := func(list ...caddyhttp.WeakString) HTTPProbe { return HTTPProbe{ExpectStatus: list} }
	matching := HTTPProbe{URI: "/healthz", ExpectBody: "^ok$"}
	for i, c := range []struct {
		probe   HTTPProbe
		backend http.HandlerFunc
		want    string
	}{
		{HTTPProbe{}, answering(200), ""},
		{HTTPProbe{}, answering(204), ""},
		{HTTPProbe{}, answering(302), "GET /: status 302"},
		{HTTPProbe{URI: "/healthz?full=1"}, answering(503), "GET /healthz: status 503"},
		{HTTPProbe{Method: "HEAD"}, answering(404), "HEAD /: status 404"},
		{statuses("204", "3xx"), answering(204), ""},
		{statuses("204", "3xx"), answering(301), ""},
		{statuses("204", "3xx"), answering(200), "GET /: status 200"},
		{statuses("200-399"), answering(399), ""},
		{matching, saying("ok"), ""},
		{matching, saying("not ok"), `GET /healthz: body does not match "^ok$"`},
		{matching, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(500); io.WriteString(w, "ok") }, "GET /healthz: status 500"},
		{HTTPProbe{ExpectBody: "end", MaxSize: 8}, saying("12345end"), ""},
		{HTTPProbe{ExpectBody: "end", MaxSize: 7}, saying("12345end"), `GET /: body does not match "end"`},
		{HTTPProbe{ExpectBody: "x$"}, saying(strings.Repeat("x", 10<<20)), ""},
		{HTTPProbe{ExpectBody: "y"}, saying(strings.Repeat("x", 10<<20) + "y"), `GET /: body does not match "y"`},
		{HTTPProbe{}, saying(strings.Repeat("x", 10<<20)), ""},
	} {
		wantError(t, fmt.Sprint(i), checked(t, provisioned(t, &c.probe), serveHTTP(t, c.backend)), c.want)
	}
}

func TestARequestHasTheValuesOfProbeAndEndpoint(t *testing.T) {
	t.Setenv("PROBE_TOKEN", "s3cret")
	var got string
	e := serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		got = fmt.Sprintln(r.Method, r.URL, r.Proto, r.Host, r.Header["Authorization"], r.Header["X-Id"], r.UserAgent(), r.ContentLength, string(text))
	})
	e.ID, e.Zone, e.Metadata = "web-7", "eu-1", map[string]string{"shard": "9"}
	host, port, _ := net.SplitHostPort(e.Address)
	for want, probe := range map[string]*HTTPProbe{
		"GET / HTTP/1.1 " + e.Address + " [] [] caddy-balance 0 \n": {},
		"POST /shard/9?in=eu-1 HTTP/1.1 web-7.test [Bearer s3cret] [web-7 " + host + "+" + port + "] me 11 {\"shard\":9}\n": {
			Method: "POST", URI: "/shard/{endpoint.metadata.shard}?in={endpoint.zone}", Host: "{endpoint.id}.test",
			Headers: map[string][]string{
				"authorization": {"Bearer {env.PROBE_TOKEN}"},
				"X-ID":          {"{endpoint.id}", "{endpoint.host}+{endpoint.port}"},
				"User-Agent":    {"me"},
			},
			Body: `{"shard":{endpoint.metadata.shard}}`,
		},
	} {
		wantError(t, want, checked(t, provisioned(t, probe), e), "")
		if got != want {
			t.Errorf("got  %swant %s", got, want)
		}
	}
}

func TestFreshConnectionsServeOneCheckEach(t *testing.T) {
	var from []string
	e := serveHTTP(t, func(_ http.ResponseWriter, r *http.Request) {
		if from = append(from, r.RemoteAddr); !r.Close {
			t.Error("the request does not ask to close the connection")
		}
	})
	probe := provisioned(t, &HTTPProbe{FreshConnections: true})
	target := &Target{Endpoint: e}
	for range 3 {
		wantError(t, e.Address, checkedAgain(t, probe, target, false), "")
	}
	if slices.Sort(from); len(slices.Compact(from)) != 3 {
		t.Errorf("got %v", from)
	}
}

func TestFollowedRedirectsGoToTheEndpoint(t *testing.T) {
	verifyNoLeaks(t)
	e := serveHTTP(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/path":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/host":
			http.Redirect(w, r, "http://elsewhere.test/ok", http.StatusFound)
		case "/tls":
			http.Redirect(w, r, "https://"+r.Host+"/ok", http.StatusFound)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/bad":
			http.Redirect(w, r, "/503", http.StatusTemporaryRedirect)
		case "/503":
			w.WriteHeader(503)
		}
	})
	for uri, want := range map[string]string{
		"/path": "", "/host": "",
		"/tls":  "GET /tls: redirected to https; the probe speaks http",
		"/loop": "stopped after 10 redirects",
		"/bad":  "GET /bad: status 503",
	} {
		probe := &HTTPProbe{URI: uri, FollowRedirects: true, Body: "x"}
		wantError(t, uri, checked(t, provisioned(t, probe), e), want)
	}
}

func TestAnHTTPProbeConnectsToUnixSockets(t *testing.T) {
	path := filepath.Join(t.TempDir(), "app.sock")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	host := ""
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		host = r.Host + r.Proto
	}))
	server.Listener.Close()
	server.Listener = listener
	server.Config.Protocols = new(http.Protocols)
	server.Config.Protocols.SetHTTP1(true)
	server.Config.Protocols.SetUnencryptedHTTP2(true)
	server.Start()
	defer server.Close()
	for upstream, want := range map[string]string{"": "localhostHTTP/1.1", "unix+h2c/" + path: "localhostHTTP/2.0"} {
		probe := provisioned(t, &HTTPProbe{Connection: Connection{Upstream: upstream}})
		wantError(t, upstream, checked(t, probe, &Endpoint{Address: "unix/" + path}), "")
		if host != want {
			t.Errorf("got %q, want %q", host, want)
		}
	}
	wantError(t, "port", checked(t, provisioned(t, &HTTPProbe{Connection: Connection{Port: "80"}}),
		&Endpoint{Address: "unix/" + path}), "a unix socket has no port 80")
}

func TestAnHTTPProbeStopsWithItsContext(t *testing.T) {
	verifyNoLeaks(t)
	e := serve(t, hangs)
	for name, versions := range map[string][]string{"HTTP/1.1": nil, "h2c": {"h2c"}} {
		probe := provisioned(t, &HTTPProbe{URI: "/healthz", Versions: versions})
		wantTimeout(t, name, probe, e, "GET /healthz: timed out")
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- probe.Check(ctx, &Target{Endpoint: e}) }()
		cancel()
		if err := <-ended; err == nil || !strings.HasSuffix(err.Error(), "context canceled") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}
