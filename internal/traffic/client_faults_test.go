package traffic

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// ejecting is the block of a pool that ejects an endpoint at the fifth failure in a row.
const ejecting = "outlier {\nconsecutive_failures 5\nmax_ejected_percent 50%\n}\n"

func expectNoEjection(t *testing.T) {
	t.Helper()
	if lines := logged.With("endpoint is ejected"); len(lines) > 0 {
		t.Errorf("endpoints were ejected %d times", len(lines))
	}
}

// expectSharesOfAll sends requests, some at a time, and expects that each of the backends gets at
// least a quarter of an even share.
func expectSharesOfAll(t *testing.T, c *client, f fleet) {
	t.Helper()
	before := f.hits()
	flood(2*len(f), 40*len(f), func(int) { c.get("/") })
	for i, b := range f {
		if hits := b.hits.Load() - before[i]; hits < 10 {
			t.Errorf("of 40 requests for each backend, %s got %d", b.name, hits)
		}
	}
}

// writeNameSlowly leaves differences between backends to the policy rather than to the machine.
func writeNameSlowly(b *backend, w http.ResponseWriter, r *http.Request) {
	time.Sleep(5 * time.Millisecond)
	writeName(b, w, r)
}

// sendRaw writes text to the first site, and returns the status of its answer, 0 if there is none.
func sendRaw(t *testing.T, p *proxy, text string) int {
	t.Helper()
	conn, err := net.Dial("unix", p.SiteSocket(0))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(waitLimit))
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		return 0
	}
	response.Body.Close()
	return response.StatusCode
}

func TestABodyThatCannotBeReadIsNotTheEndpointsFault(t *testing.T) {
	const chunked = "POST / HTTP/1.1\r\nHost: site\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
	for name, text := range map[string]string{
		"malformed": chunked + "not a length\r\n",
		"too large": chunked + "40\r\n" + strings.Repeat("x", 64) + "\r\n0\r\n\r\n",
	} {
		for policy, line := range map[string]string{"round robin": roundRobin, "latency": "lb_policy adaptive_latency"} {
			t.Run(name+", "+policy, func(t *testing.T) {
				fleet := startBackends(t, 2, writeNameSlowly)
				site := "request_body {\nmax_size 32\n}\n" + checkedPool(fleet, ejecting, line)
				p := startProxy(t, site)
				c := p.client()
				expectSharesOfAll(t, c, fleet)
				for range 18 {
					if status := sendRaw(t, p, text); status < 400 {
						t.Fatalf("status %d", status)
					}
				}
				expectNoEjection(t)
				expectSharesOfAll(t, c, fleet)
			})
		}
	}
}

func TestABodyThatEndsTooEarlyIsNotTheEndpointsFault(t *testing.T) {
	fleet := startBackends(t, 2)
	site := checkedPool(fleet, ejecting, roundRobin)
	forEveryFrontProtocol(t, site, func(t *testing.T, _ frontProtocol, c *client) {
		for range 18 {
			request, err := http.NewRequest(http.MethodPost, c.base, strings.NewReader("short"))
			if err != nil {
				t.Fatal(err)
			}
			request.ContentLength = 900
			c.do(request) // the client notices too, and its error does not matter
		}
		expectInFlight(t, nil)
		expectNoEjection(t)
	})
}

// TestARequestThatCannotBeForwardedIsNotTheEndpointsFault has requests that transports refuse
// before they have a connection.
func TestARequestThatCannotBeForwardedIsNotTheEndpointsFault(t *testing.T) {
	const fastCGI, line = "transport fastcgi {\nroot /\n}\n", "header_up X-Path {http.request.uri.path}\n"
	for name, c := range map[string]struct {
		serve            serveFunc
		options, path    string
		lengthIsNotKnown bool
	}{
		"a body of unknown length, FastCGI": {serveFastCGI, fastCGI, "/", true},
		"a path with a zero, FastCGI":       {serveFastCGI, fastCGI, "/index.php%00", false},
		"a field with a line break, HTTP":   {serveHTTP, line, "/a%0Ab", false},
	} {
		t.Run(name, func(t *testing.T) {
			fleet := startBackendsWith(t, 2, c.serve, writeName)
			client := startProxy(t, checkedPool(fleet, ejecting, c.options+roundRobin)).client()
			for range 18 {
				var body io.Reader
				if c.lengthIsNotKnown {
					body = io.MultiReader(strings.NewReader(strings.Repeat("x", 10_000)))
				}
				// The connection may end before the client has sent all of it.
				if a, err := client.send(http.MethodPost, c.path, body); err == nil && a.status < 400 {
					t.Fatalf("status %d", a.status)
				}
			}
			expectNoEjection(t)
			if a := expectOK(t)(client.get("/")); a.backend == "" {
				t.Error("no backend answered")
			}
		})
	}
}

func TestAClientThatLeavesItsUploadIsNotTheEndpointsFault(t *testing.T) {
	fleet := startBackends(t, 2)
	p := startProxy(t, checkedPool(fleet, ejecting, roundRobin))
	for range 18 {
		conn, err := net.Dial("unix", p.SiteSocket(0))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: site\r\nContent-Length: 100\r\n\r\nhalf")
		conn.Close()
	}
	expectInFlight(t, nil)
	expectNoEjection(t)
}

func TestAStalledUploadDoesNotKeepOthersAway(t *testing.T) {
	fleet := startBackends(t, 3, writeNameSlowly)
	c := startProxy(t, pooled(fleet, "lb_policy adaptive_latency")).client()
	expectSharesOfAll(t, c, fleet)
	body, writer := io.Pipe()
	done := make(chan error)
	go func() { _, err := c.send(http.MethodPost, "/upload", body); done <- err }()
	io.WriteString(writer, "half")
	time.Sleep(300 * time.Millisecond) // so that the upload is old beside requests of a millisecond
	expectSharesOfAll(t, c, fleet)
	writer.Close()
	if err := receive(t, done); err != nil {
		t.Error(err)
	}
}
