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
)

// front is a protocol between clients and Caddy.
type front struct {
	name   string
	proto  int
	client func(t *testing.T, p *proxy) *client
}

func protocolsInFront(c *certificate, address string) []front {
	only := func(set func(*http.Protocols, bool)) *http.Protocols {
		protocols := new(http.Protocols)
		set(protocols, true)
		return protocols
	}
	https := func(t *testing.T, protocols *http.Protocols) *client {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: c.pool}, Protocols: protocols}
		t.Cleanup(transport.CloseIdleConnections)
		return &client{&http.Client{Transport: transport, Timeout: patience}, "https://" + address}
	}
	return []front{
		{"HTTP/1.1", 1, func(t *testing.T, p *proxy) *client { return p.client() }},
		{"h2c", 2, func(t *testing.T, p *proxy) *client {
			c := p.client()
			c.Transport.(*http.Transport).Protocols = only((*http.Protocols).SetUnencryptedHTTP2)
			return c
		}},
		{"HTTP/1.1 over TLS", 1, func(t *testing.T, p *proxy) *client { return https(t, only((*http.Protocols).SetHTTP1)) }},
		{"HTTP/2", 2, func(t *testing.T, p *proxy) *client { return https(t, only((*http.Protocols).SetHTTP2)) }},
		{"HTTP/3", 3, func(t *testing.T, p *proxy) *client {
			transport := &http3.Transport{TLSClientConfig: &tls.Config{RootCAs: c.pool}, Dial: dialerOfQUIC(t)}
			t.Cleanup(func() { transport.Close() })
			return &client{&http.Client{Transport: transport, Timeout: patience}, "https://" + address}
		}},
	}
}

// dialerOfQUIC closes each connection at the end; the client forgets those with a failed request.
func dialerOfQUIC(t *testing.T) func(context.Context, string, *tls.Config, *quic.Config) (*quic.Conn, error) {
	return func(ctx context.Context, address string, c *tls.Config, q *quic.Config) (*quic.Conn, error) {
		conn, err := quic.DialAddrEarly(ctx, address, c, q)
		if err == nil {
			t.Cleanup(func() { conn.CloseWithError(0, "") })
		}
		return conn, err
	}
}

// forEveryFront runs a test with each protocol on the same site.
func forEveryFront(t *testing.T, site string, test func(t *testing.T, f front, c *client)) {
	t.Helper()
	cert, address := newCertificate(t), freeAddress(t)
	p := loadText(t, func(p *proxy) string {
		return fmt.Sprintf("http:// {\nbind unix/%s\n%s\n}\nhttps://%s {\nbind 127.0.0.1\ntls %s %s\n%[2]s\n}\n", p.socket(0), site, address, cert.cert, cert.key)
	})
	for _, f := range protocolsInFront(cert, address) {
		t.Run(f.name, func(t *testing.T) { test(t, f, f.client(t, p)) })
	}
}

func TestEveryFrontTellsThatItsClientLeft(t *testing.T) {
	held := newHeld()
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/middle" {
			io.WriteString(w, strings.Repeat("x", 10_000))
			http.NewResponseController(w).Flush()
		}
		held.wait(r)
	})
	forEveryFront(t, pooled(fleet, ""), func(t *testing.T, _ front, c *client) {
		for _, moment := range []string{"/start", "/middle"} {
			ctx, leave := context.WithCancel(t.Context())
			request, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base+moment, nil)
			done := make(chan error)
			go func() { _, err := c.do(request); done <- err }()
			receive(t, held.arrived)
			expectInFlight(t, fleet.each(1))
			leave()
			if err := receive(t, done); err == nil {
				t.Errorf("%s: a request that was given up succeeded", moment)
			}
			expectInFlight(t, nil)
		}
	})
}

func TestEveryFrontSurvivesAHandlerThatPanics(t *testing.T) {
	fleet := startBackends(t, 1, sayAtLength)
	site := pooled(fleet, "handle_response {\nroute {\npanic /panic\ncopy_response\n}\n}")
	forEveryFront(t, site, func(t *testing.T, _ front, c *client) {
		if _, err := c.get("/panic"); err == nil {
			t.Error("the request succeeded")
		}
		expectInFlight(t, nil)
		must(t)(c.get("/"))
	})
}

// sayAtLength has a body that is not at its end when the headers have been read.
func sayAtLength(b *backend, w http.ResponseWriter, r *http.Request) {
	http.NewResponseController(w).Flush()
	io.WriteString(w, strings.Repeat("x", 100_000))
}

// One at a time: when a backend says both 103 and 100, Caddy passes the one on while net/http
// writes the other, which is a race of theirs.
func TestEveryFrontPassesInterimResponsesOn(t *testing.T) {
	fleet := startBackends(t, 1, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			w.Header().Set("Link", "</style.css>; rel=preload")
			w.WriteHeader(http.StatusEarlyHints)
			w.Header().Del("Link")
		}
		io.Copy(w, r.Body) // which says 100 first, if it was asked
	})
	forEveryFront(t, pooled(fleet, ""), func(t *testing.T, f front, c *client) {
		var hints []string
		ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{Got1xxResponse: func(code int, h textproto.MIMEHeader) error {
			hints = append(hints, fmt.Sprint(code, h.Get("Link")))
			return nil
		}})
		hinted, _ := http.NewRequestWithContext(ctx, http.MethodGet, c.base, nil)
		must(t)(c.do(hinted))
		if want := "103</style.css>; rel=preload"; !strings.Contains(strings.Join(hints, "\n"), want) {
			t.Errorf("the client got %q, want %q among it", hints, want)
		}
		expecting, _ := http.NewRequest(http.MethodPost, c.base, strings.NewReader("body"))
		expecting.Header.Set("Expect", "100-continue")
		if a := must(t)(c.do(expecting)); a.body != "body" {
			t.Errorf("read %q", a.body)
		}
	})
}
