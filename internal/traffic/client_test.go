package traffic

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strings"
	"testing"
)

var silent = log.New(io.Discard, "", 0)

// client sends requests to one site.
type client struct {
	*http.Client
	base string
}

// client is a new one, with connections of its own, for the test's first site or the given one.
func (p *proxy) client(site ...int) *client {
	n := 0
	if len(site) > 0 {
		n = site[0]
	}
	transport := &http.Transport{DialContext: dialer("unix", p.socket(n)), MaxIdleConnsPerHost: 100}
	p.t.Cleanup(transport.CloseIdleConnections)
	return &client{&http.Client{Transport: transport, Timeout: patience}, "http://site"}
}

// resending is a client for reloads, which sends a request again if its connection ends without an answer,
// as browsers do. net/http drops what it reads a moment after the reload, before any handler sees it.
func (p *proxy) resending(site ...int) *client {
	c := p.client(site...)
	c.Transport = resending{c.Transport}
	return c
}

type resending struct{ http.RoundTripper }

func (r resending) RoundTrip(request *http.Request) (response *http.Response, err error) {
	for range 5 {
		if response, err = r.RoundTripper.RoundTrip(request); err == nil {
			break
		}
	}
	return response, err
}

// answer is what came of a request.
type answer struct {
	status  int
	backend string // the one that answered
	body    string
	header  http.Header
	trailer http.Header
	proto   int
}

func (c *client) get(path string, header ...string) (answer, error) {
	return c.send(http.MethodGet, path, nil, header...)
}

// send takes header fields as name and value in turns.
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
	return answer{response.StatusCode, response.Header.Get("X-Backend"), text.String(), response.Header, response.Trailer, response.ProtoMajor}, err
}

// must is for requests that have no reason to fail.
func must(t *testing.T) func(answer, error) answer {
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

// expect is for requests that have a reason.
func expect(t *testing.T, status int) func(answer, error) answer {
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
