package traffic

import (
	"fmt"
	"io"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// backendProtocol is a protocol between Caddy and backends.
type backendProtocol struct {
	name      string
	proto     string    // as a backend sees it in its requests; empty if it sees none
	transport string    // options of reverse_proxy
	serve     serveFunc // how backends serve it
	unix      bool      // over Unix sockets, not TCP

	// callsOnly is whether the protocol has only requests with a whole body and responses without
	// trailers. FastCGI has no trailers, and Caddy buffers its requests.
	callsOnly bool
}

func backendProtocols(c *caddytest.Certificate) []backendProtocol {
	trust := fmt.Sprintf("tls_trust_pool file %s\ntls_server_name %s", c.CertFile, caddytest.ServerName)
	const (
		http1 = "HTTP/1.1"
		http2 = "HTTP/2.0"
	)
	return []backendProtocol{
		{name: "h1", proto: http1, serve: serveHTTP},
		{name: "h2c", proto: http2, serve: serveHTTP, transport: h2cTransport},
		{name: "h2", proto: http2, serve: serveTLS(c), transport: "transport http {\nkeepalive 2s\n" + trust + "\n}"},
		{name: "https", proto: http1, serve: serveTLS(c), transport: "transport http {\nversions 1.1\n" + trust + "\n}"},
		{name: "unix", proto: http1, serve: serveHTTP, unix: true},
		{name: "fastcgi", serve: serveFastCGI, transport: "transport fastcgi {\nroot /\n}", callsOnly: true},
	}
}

// startPair starts two backends that speak the protocol.
func (p backendProtocol) startPair(t *testing.T) fleet {
	t.Helper()
	pair := fleet{{name: p.name + "-0"}, {name: p.name + "-1"}}
	for _, b := range pair {
		b.handler, b.serve = answerExchanges, p.serve
		if b.address = caddytest.FreeAddress(t); p.unix {
			b.address = "unix/" + filepath.Join(caddytest.SocketDir(t), b.name)
		}
		b.startFor(t)
	}
	return pair
}

// route returns the part of a site that proxies a path to a pair.
func (p backendProtocol) route(pair fleet) string {
	return fmt.Sprintf(`reverse_proxy /%s/* {
		dynamic pool %[1]s {
			source static %s
		}
		lb_policy smooth_weighted_round_robin
		%s
	}
	`, p.name, pair, p.transport)
}

// answerExchanges answers the requests of the matrix. Below /talk it answers each part of the body
// at once and in capitals, below /trailers it echoes the body with a trailer, and elsewhere it
// echoes.
func answerExchanges(b *backend, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Proto", r.Proto)
	switch {
	case strings.HasSuffix(r.URL.Path, "/talk"):
		http.NewResponseController(w).EnableFullDuplex()
		w.WriteHeader(http.StatusOK)
		http.NewResponseController(w).Flush()
		for buffer := make([]byte, 100); ; http.NewResponseController(w).Flush() {
			n, err := r.Body.Read(buffer)
			if io.WriteString(w, strings.ToUpper(string(buffer[:n]))); err != nil {
				return
			}
		}
	case strings.HasSuffix(r.URL.Path, "/trailers"):
		w.Header().Set("Trailer", "X-Sum")
		io.Copy(w, r.Body)
		// Without a flush the response would have a Content-Length, and HTTP/1.1 then has no
		// trailers.
		http.NewResponseController(w).Flush()
		w.Header().Set("X-Sum", "seen "+r.Trailer.Get("X-Sent"))
	default:
		data, _ := io.ReadAll(r.Body)
		w.Write(data)
	}
}

func TestEveryProtocolInFrontWorksWithEveryProtocolBehind(t *testing.T) {
	cert, address := caddytest.NewCertificate(t), caddytest.FreeAddress(t)
	backs := backendProtocols(cert)
	var routes strings.Builder
	for _, back := range backs {
		routes.WriteString(back.route(back.startPair(t)))
	}
	p := startProxyText(t, func(p *proxy) string { return bothListeners(p, cert, address, routes.String()) })
	for _, front := range frontProtocols(cert, address) {
		for _, back := range backs {
			t.Run(front.name+" in front, "+back.name+" behind", func(t *testing.T) {
				c := front.client(t, p)
				echoesCalls(t, c, front, back)
				if !back.callsOnly {
					exchangesInTurns(t, c, back)
					sendsTrailers(t, c, front, back)
				}
				expectInFlight(t, nil)
			})
		}
	}
}

// echoesCalls sends bodies of several sizes and expects each back, from both backends in all.
func echoesCalls(t *testing.T, c *client, front frontProtocol, back backendProtocol) {
	seen := make(map[string]bool)
	for i := range 10 {
		body := strings.Repeat("x", i*30_000)
		a := expectOK(t)(c.send(http.MethodPost, "/"+back.name+"/echo", strings.NewReader(body)))
		if a.body != body {
			t.Fatalf("sent %d bytes, got %d back", len(body), len(a.body))
		}
		if proto := a.header.Get("X-Proto"); proto != back.proto && !back.callsOnly || a.proto != front.proto {
			t.Fatalf("HTTP/%d in front, %s behind", a.proto, proto)
		}
		seen[a.backend] = true
	}
	if len(seen) != 2 {
		t.Errorf("only %v got requests", seen)
	}
}

// exchangesInTurns sends and receives in turns, within one request.
func exchangesInTurns(t *testing.T, c *client, back backendProtocol) {
	body, writer := io.Pipe()
	request, _ := http.NewRequest(http.MethodPost, c.base+"/"+back.name+"/talk", body)
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for _, word := range []string{"one", "two", "three"} {
		io.WriteString(writer, word)
		got := make([]byte, len(word))
		if _, err := io.ReadFull(response.Body, got); err != nil || string(got) != strings.ToUpper(word) {
			t.Fatalf("sent %q, got %q, %v", word, got, err)
		}
	}
	total := 0
	for _, n := range inFlight() {
		total += n
	}
	if total != 1 {
		t.Errorf("%d in flight while one request is open", total)
	}
	writer.Close()
	if rest, err := io.ReadAll(response.Body); err != nil || len(rest) > 0 {
		t.Errorf("got %q at the end, %v", rest, err)
	}
}

// sendsTrailers expects trailers to arrive in both directions.
func sendsTrailers(t *testing.T, c *client, front frontProtocol, back backendProtocol) {
	// The reader has no known length, because HTTP/1.1 has trailers only in chunked bodies.
	body := io.MultiReader(strings.NewReader("body"))
	request, _ := http.NewRequest(http.MethodPost, c.base+"/"+back.name+"/trailers", body)
	request.Trailer = http.Header{"X-Sent": {"a trailer"}}
	a := expectOK(t)(c.do(request))
	if a.body != "body" || !strings.HasPrefix(a.trailer.Get("X-Sum"), "seen") {
		t.Errorf("read %q and the trailers %v", a.body, a.trailer)
	}
	// The server for HTTP/3 adds trailers only to its own request, which Caddy has copied by then.
	if front.proto != 3 && a.trailer.Get("X-Sum") != "seen a trailer" {
		t.Errorf("the backend answered %v", a.trailer)
	}
}
