package traffic

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// discardLog is the error log of backends. Tests cut connections on purpose.
var discardLog = log.New(io.Discard, "", 0)

// client sends requests to one site.
type client struct {
	*http.Client
	base string
}

// client returns a new client with connections of its own. Without a number it is for the first
// site.
func (p *proxy) client(site ...int) *client {
	n := 0
	if len(site) > 0 {
		n = site[0]
	}
	transport := caddytest.Transport(p.SiteSocket(n))
	transport.MaxIdleConnsPerHost = 100
	p.t.Cleanup(transport.CloseIdleConnections)
	return &client{&http.Client{Transport: transport, Timeout: waitLimit}, "http://site"}
}

// retryingClient returns a client for reloads. Like a browser it sends a request again if its
// connection ends without an answer. It has to: when net/http has passed on its listener, it drops
// the requests that it reads a moment later, before any handler sees them.
func (p *proxy) retryingClient(site ...int) *client {
	c := p.client(site...)
	c.Transport = retryingTransport{c.Transport}
	return c
}

type retryingTransport struct{ http.RoundTripper }

func (r retryingTransport) RoundTrip(request *http.Request) (response *http.Response, err error) {
	for range 5 {
		if response, err = r.RoundTripper.RoundTrip(request); err == nil {
			break
		}
	}
	return response, err
}

// answer is a response that was read to its end.
type answer struct {
	status  int
	backend string // the name of the backend that answered
	body    string
	header  http.Header
	trailer http.Header
	proto   int
}

func (c *client) get(path string, header ...string) (answer, error) {
	return c.send(http.MethodGet, path, nil, header...)
}

// send sends a request. Header fields are given as names and values in turn.
func (c *client) send(method, path string, body io.Reader, header ...string) (answer, error) {
	request, err := http.NewRequest(method, c.base+path, body)
	if err != nil {
		return answer{}, err
	}
	for i := 0; i < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	return c.do(request)
}

func (c *client) do(request *http.Request) (answer, error) {
	response, err := c.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	var text strings.Builder
	_, err = io.Copy(&text, response.Body)
	return answer{
		status:  response.StatusCode,
		backend: response.Header.Get("X-Backend"),
		body:    text.String(),
		header:  response.Header,
		trailer: response.Trailer,
		proto:   response.ProtoMajor,
	}, err
}

// expectOK returns a function that takes a client's result and fails the test unless its status is
// 200. Use it as expectOK(t)(c.get("/")).
func expectOK(t *testing.T) func(answer, error) answer {
	t.Helper()
	return func(a answer, err error) answer {
		t.Helper()
		if err == nil && a.status != http.StatusOK {
			err = fmt.Errorf("status %d: %s", a.status, a.body)
		}
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
}

// expectStatus is expectOK for another status.
func expectStatus(t *testing.T, status int) func(answer, error) answer {
	t.Helper()
	return func(a answer, err error) answer {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		if a.status != status {
			t.Fatalf("status %d, want %d", a.status, status)
		}
		return a
	}
}
