package command

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"syscall"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// requestTimeout is the maximum time of a request. It is generous, because a pool may be large.
const requestTimeout = 30 * time.Second

// api is a client of the admin API of a Caddy.
type api struct {
	address string // as users write it
	origin  string
	client  *http.Client
}

// socketOrigin is the origin of a socket that has no host. Caddy accepts its host, and the field
// Origin only if the config lists it.
const socketOrigin = "http://127.0.0.1"

func newAPI(address string) (*api, error) {
	parsed, err := caddy.ParseNetworkAddress(address)
	if strings.Contains(address, "://") {
		err = errors.New("it is a URL; expected host:port or unix//path")
	}
	if err == nil && parsed.PortRangeSize() > 1 {
		err = errors.New("it has more than one port")
	}
	if err != nil {
		return nil, fmt.Errorf("address %q of the admin endpoint: %w", address, err)
	}
	origin := socketOrigin
	if parsed.IsUnixNetwork() {
		parsed.Host, _, _ = strings.Cut(parsed.Host, "|") // the permissions of the socket's file
	} else if !parsed.IsFdNetwork() {
		origin = "http://" + parsed.JoinHostPort(0)
	}
	// A connection serves one request. A kept one could lead to the config before a reload.
	transport := &http.Transport{DisableKeepAlives: true}
	transport.DialContext = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, parsed.Network, parsed.JoinHostPort(0))
	}
	return &api{address, origin, &http.Client{Transport: transport}}, nil
}

// request is a request to the API.
type request struct {
	method         string
	pool, endpoint string // empty: all pools, or the whole pool
	action         string // what follows in the path
	body           any
}

func (r *request) path() string {
	path := "/pools/" + url.PathEscape(r.pool)
	if r.endpoint != "" {
		path += "/endpoints/" + url.PathEscape(r.endpoint)
	}
	if r.action != "" {
		path += "/" + r.action
	}
	return path
}

// send returns the body of the answer to a request, or a failure in plain words.
func (a *api) send(ctx context.Context, r request) ([]byte, error) {
	ctx, cancel := context.WithTimeout(ctx, requestTimeout)
	defer cancel()
	status, data, err := a.exchange(ctx, r)
	if err == nil && status >= http.StatusBadRequest {
		err = a.refusal(ctx, r, status, data)
	}
	return data, err
}

// get decodes the answer to a request.
func (a *api) get(ctx context.Context, r request, into any) error {
	data, err := a.send(ctx, r)
	if err != nil {
		return err
	}
	return decode(data, into)
}

func (a *api) exchange(ctx context.Context, r request) (status int, data []byte, err error) {
	response, err := a.open(ctx, r, nil)
	if err != nil {
		return 0, nil, err
	}
	defer response.Body.Close()
	if data, err = io.ReadAll(response.Body); err != nil {
		return 0, nil, a.unreachable(err)
	}
	return response.StatusCode, data, nil
}

// open sends a request and returns the response, whose body the caller closes. It sends the request
// again if the connection ends without an answer: a reload replaces the admin endpoint, and the old
// one drops connections that it has only just accepted. No request does more the second time.
func (a *api) open(ctx context.Context, r request, header http.Header) (response *http.Response, err error) {
	method := cmp.Or(r.method, http.MethodGet)
	for range 5 {
		var sent *http.Request
		if sent, err = a.newRequest(ctx, method, r, header); err != nil {
			return nil, err
		}
		if response, err = a.client.Do(sent); err == nil {
			return response, nil
		}
		if !errors.Is(err, io.EOF) && !errors.Is(err, syscall.ECONNRESET) {
			break
		}
	}
	return nil, a.unreachable(err)
}

func (a *api) newRequest(ctx context.Context, method string, r request, header http.Header) (*http.Request, error) {
	var body io.Reader
	if r.body != nil {
		data, err := json.Marshal(r.body)
		if err != nil {
			return nil, err
		}
		body = bytes.NewReader(data)
	}
	sent, err := http.NewRequestWithContext(ctx, method, a.origin+r.path(), body)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		sent.Header[name] = values
	}
	if a.origin != socketOrigin {
		sent.Header.Set("Origin", a.origin)
	}
	if body != nil {
		sent.Header.Set("Content-Type", "application/json")
	}
	return sent, nil
}

func (a *api) unreachable(err error) error {
	if outer := (*url.Error)(nil); errors.As(err, &outer) {
		err = outer.Err
	}
	if errno := syscall.Errno(0); errors.As(err, &errno) {
		err = errno // without the call that gave it
	}
	return failed(codeUnreachable, "the admin endpoint at %s cannot be reached: %v; "+
		"is Caddy running, and are --address or --config right?", a.address, err)
}
