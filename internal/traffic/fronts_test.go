package traffic

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"net/http/httptrace"
	"net/textproto"
	"strings"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// frontProtocol is a protocol between clients and Caddy.
type frontProtocol struct {
	name   string
	proto  int
	client func(t *testing.T, p *proxy) *client
}

func frontProtocols(c *caddytest.Certificate, address string) []frontProtocol {
	only := func(set func(*http.Protocols, bool)) *http.Protocols {
		protocols := new(http.Protocols)
		set(protocols, true)
		return protocols
	}
	https := func(t *testing.T, protocols *http.Protocols) *client {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.Pool}, Protocols: protocols}
		t.Cleanup(transport.CloseIdleConnections)
		return &client{&http.Client{Transport: transport, Timeout: waitLimit}, "https://" + address}
	}
	return []frontProtocol{
		{"HTTP/1.1", 1, func(t *testing.T, p *proxy) *client { return p.client() }},
		{"h2c", 2, func(t *testing.T, p *proxy) *client {
			c := p.client()
			c.Transport.(*http.Transport).Protocols = only((*http.Protocols).SetUnencryptedHTTP2)
			return c
		}},
		{"HTTP/1.1 over TLS", 1, func(t *testing.T, p *proxy) *client { return https(t, only((*http.Protocols).SetHTTP1)) }},
		{"HTTP/2", 2, func(t *testing.T, p *proxy) *client { return https(t, only((*http.Protocols).SetHTTP2)) }},
		{"HTTP/3", 3, func(t *testing.T, p *proxy) *client {
			transport := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: c.Pool}, Dial: quicDialer(t)}
			t.Cleanup(func() { transport.Close() })
			return &client{&http.Client{Transport: transport, Timeout: waitLimit}, "https://" + address}
		}},
	}
}

// quicDialer closes every connection when the test ends. The client itself forgets connections
// whose request has failed.
func quicDialer(t *testing.T) func(context.Context, string, *tls.Config, *quic.Config) (*quic.Conn, error) {
	return func(ctx context.Context, address string, c *tls.Config, q *quic.Config) (*quic.Conn, error) {
		conn, err := quic.DialAddrEarly(ctx, address, c, q)
		if err == nil {
			t.Cleanup(func() { conn.CloseWithError(0, "") })
		}
		return conn, err
	}
}

// bothListeners returns the Caddyfile of a site that listens on a Unix socket and, with TLS, at an
// address.
func bothListeners(p *proxy, cert *caddytest.Certificate, address, site string) string {
	return fmt.Sprintf("http:// {\nbind unix/%s\n%s\n}\nhttps://%s {\nbind 127.0.0.1\ntls %s %s\n%[2]s\n}\n",
		p.SiteSocket(0), site, address, cert.CertFile, cert.KeyFile)
}

// forEveryFrontProtocol runs a test with each protocol on the same site.
func forEveryFrontProtocol(t *testing.T, site string, test func(t *testing.T, f frontProtocol, c *client)) {
	t.Helper()
	cert, address := caddytest.NewCertificate(t), caddytest.FreeAddress(t)
	p := startProxyText(t, func(p *proxy) string { return bothListeners(p, cert, address, site) })
	for _, f := range frontProtocols(cert, address) {
		t.Run(f.name, func(t *testing.T) { test(t, f, f.client(t, p)) })
	}
}

func TestEveryFrontProtocolNoticesThatItsClientLeft(t *testing.T) {
	blocking := newBlockingHandler()
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/middle" {
			io.WriteString(w, strings.Repeat("x", 10_000))
			http.NewResponseController(w).Flush()
		}
		blocking.wait(r)
	})
	forEveryFrontProtocol(t, pooled(fleet, ""), func(t *testing.T, _ frontProtocol, c *client) {
		for _, moment := range []string{"/start", "/middle"} {
			ctx, leave := context.WithCancel(t.Context())
			request, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base+moment, nil)
			done := make(chan error)
			go func() { _, err := c.do(request); done <- err }()
			receive(t, blocking.arrived)
			expectInFlight(t, fleet.each(1))
			leave()
			if err := receive(t, done); err == nil {
				t.Errorf("%s: an abandoned request succeeded", moment)
			}
			expectInFlight(t, nil)
		}
	})
}

func TestEveryFrontProtocolSurvivesAPanic(t *testing.T) {
	fleet := startBackends(t, 1, writeLongBody)
	site := pooled(fleet, "handle_response {\nroute {\npanic /panic\ncopy_response\n}\n}")
	forEveryFrontProtocol(t, site, func(t *testing.T, _ frontProtocol, c *client) {
		if _, err := c.get("/panic"); err == nil {
			t.Error("the request succeeded")
		}
		expectInFlight(t, nil)
		expectOK(t)(c.get("/"))
	})
}

// writeLongBody answers with a body that has not ended when Caddy has read the headers.
func writeLongBody(b *backend, w http.ResponseWriter, r *http.Request) {
	http.NewResponseController(w).Flush()
	io.WriteString(w, strings.Repeat("x", 100_000))
}

// Each request gets only one interim response. If a backend sent both 103 and 100, Caddy would
// forward the one while net/http writes the other, which is a race outside of this project.
func TestEveryFrontProtocolForwardsInterimResponses(t *testing.T) {
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
		}
		io.Copy(w, r.Body) // sends 100 first, if the client expects it
	})
	forEveryFrontProtocol(t, pooled(fleet, ""), func(t *testing.T, f frontProtocol, c *client) {
		var hints []string
		trace := &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h.Get("Link")))
			return nil
		}}
		ctx := httptrace.WithClientTrace(t.Context(), trace)
		hinted, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
		expectOK(t)(c.do(hinted))
		if want := "103</style.css>; rel=preload"; !strings.Contains(strings.Join(hints, "\n"), want) {
			t.Errorf("the client got %q, want %q among it", hints, want)
		}
		expecting, _ := http.NewRequest(http.MethodPost, c.base, strings.NewReader("body"))
		expecting.Header.Set("Expect", "100-continue")
		if a := expectOK(t)(c.do(expecting)); a.body != "body" {
			t.Errorf("read %q", a.body)
		}
	})
}
