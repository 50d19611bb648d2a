package traffic

import (
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/fcgi"
	"path/filepath"
	"strings"
	"testing"
)

// behind is a protocol between Caddy and backends.
type behind struct {
	name      string
	proto     string
	transport string
	start     func(t *testing.T, b *backend)

	// FastCGI has no trailers, and Caddy buffers its requests.
	callsOnly bool
}

func protocolsBehind(c *certificate) []behind {
	secure := func(t *testing.T, b *backend) {
		b.serve = func(s *http.Server, l net.Listener) error {
			s.TLSConfig = &tls.Config{Certificates: []tls.Certificate{c.pair}}
			return s.ServeTLS(l, "", "")
		}
		b.startFor(t)
	}
	plain := func(t *testing.T, b *backend) { b.startFor(t) }
	trust := fmt.Sprintf("tls_trust_pool file %s\ntls_server_name %s", c.cert, serverName)
	return []behind{
		{name: "h1", proto: "HTTP/1.1", start: plain},
		{name: "h2c", proto: "HTTP/2.0", transport: h2cBehind, start: plain},
		{name: "h2", proto: "HTTP/2.0", transport: "transport http {\nkeepalive 2s\n" + trust + "\n}", start: secure},
		{name: "https", proto: "HTTP/1.1", transport: "transport http {\nversions 1.1\n" + trust + "\n}", start: secure},
		{name: "unix", proto: "HTTP/1.1", start: func(t *testing.T, b *backend) {
			b.network, b.address = "unix", "unix/"+filepath.Join(socketDir(t), b.name)
			b.startFor(t)
		}},
		{name: "fastcgi", transport: "transport fastcgi {\nroot /\n}", callsOnly: true, start: func(t *testing.T, b *backend) {
			b.serve = func(_ *http.Server, l net.Listener) error { return fcgi.Serve(l, b) }
			b.startFor(t)
		}},
	}
}

// exchanges is what the backends of the matrix can do.
func exchanges(b *backend, w http.ResponseWriter, r *http.Request) {
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
		http.NewResponseController(w).Flush() // so that no Content-Length tells HTTP/1.1 clients that this is all
		w.Header().Set("X-Sum", "seen "+r.Trailer.Get("X-Sent"))
	default:
		data, _ := io.ReadAll(r.Body)
		w.Write(data)
	}
}

func TestEveryProtocolInFrontWorksWithEveryProtocolBehind(t *testing.T) {
	cert, address := newCertificate(t), freeAddress(t)
	backs := protocolsBehind(cert)
	var routes strings.Builder
	for _, back := range backs {
		fleet := fleet{{name: back.name + "-0"}, {name: back.name + "-1"}}
		for _, b := range fleet {
			b.network, b.address, b.handler = "tcp", freeAddress(t), exchanges
			back.start(t, b)
		}
		fmt.Fprintf(&routes, "reverse_proxy /%s/* {\ndynamic pool %[1]s {\nsource static %s\n}\nlb_policy smooth_weighted_round_robin\n%s\n}\n", back.name, fleet, back.transport)
	}
	p := loadText(t, func(p *proxy) string {
		return fmt.Sprintf("http:// {\nbind unix/%s\n%s}\nhttps://%s {\nbind 127.0.0.1\ntls %s %s\n%s}\n", p.socket(0), &routes, address, cert.cert, cert.key, &routes)
	})
	for _, front := range protocolsInFront(cert, address) {
		for _, back := range backs {
			t.Run(front.name+" in front, "+back.name+" behind", func(t *testing.T) {
				c := front.client(t, p)
				calls(t, c, front, back)
				if !back.callsOnly {
					talks(t, c, back)
					sendsTrailers(t, c, front, back)
				}
				expectInFlight(t, nil)
			})
		}
	}
}

func calls(t *testing.T, c *client, front front, back behind) {
	seen := make(map[string]bool)
	for i := range 10 {
		body := strings.Repeat("x", i*30_000)
		a := must(t)(c.send(http.MethodPost, "/"+back.name+"/echo", strings.NewReader(body)))
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

// talks sends and receives in turns, in one request.
func talks(t *testing.T, c *client, back behind) {
	body, writer := io.Pipe()
	request, _ := http.NewRequest(http.MethodPost, c.base+"/"+back.name+"/talk", body)
	response, err := c.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for _, word := range []string{"one", "two", "three"} {
		io.WriteString(writer, word)
		heard := make([]byte, len(word))
		if _, err := io.ReadFull(response.Body, heard); err != nil || string(heard) != strings.ToUpper(word) {
			t.Fatalf("said %q, heard %q, %v", word, heard, err)
		}
	}
	total := 0
	for _, n := range inFlight() {
		total += n
	}
	if total != 1 {
		t.Errorf("%d in flight during a talk", total)
	}
	writer.Close()
	if rest, err := io.ReadAll(response.Body); err != nil || len(rest) > 0 {
		t.Errorf("heard %q at the end, %v", rest, err)
	}
}

func sendsTrailers(t *testing.T, c *client, front front, back behind) {
	// Without a length, or HTTP/1.1 has no room for trailers.
	request, _ := http.NewRequest(http.MethodPost, c.base+"/"+back.name+"/trailers", io.MultiReader(strings.NewReader("body")))
	request.Trailer = http.Header{"X-Sent": {"a trailer"}}
	a := must(t)(c.do(request))
	if a.body != "body" || !strings.HasPrefix(a.trailer.Get("X-Sum"), "seen") {
		t.Errorf("read %q and the trailers %v", a.body, a.trailer)
	}
	// The server for HTTP/3 gives trailers to its own request only, which Caddy has copied.
	if front.proto != 3 && a.trailer.Get("X-Sum") != "seen a trailer" {
		t.Errorf("the backend answered %v", a.trailer)
	}
}
