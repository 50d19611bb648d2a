package simulation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func init() { caddy.RegisterModule(transport{}) }

// transport is Caddy's transport to a simulated fleet instead of a network.
type transport struct {
	Fleet string `json:"fleet"`

	fleet *fleet
}

func (transport) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.transport.simulated",
		New: func() caddy.Module { return new(transport) },
	}
}

func (t *transport) Provision(caddy.Context) (err error) {
	t.fleet, err = runningFleet(t.Fleet)
	return err
}

func (t *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	info, ok := reverseproxy.GetDialInfo(r.Context())
	if !ok {
		return nil, errors.New("the request has no dial info")
	}
	i, ok := t.fleet.addresses[info.Address]
	if !ok {
		return nil, fmt.Errorf("no backend has the address %s", info.Address)
	}
	b := t.fleet.backends[i]
	t.fleet.begin(i)
	defer t.fleet.end(b)
	return b.respond(r)
}

// respond answers a request by the work of the server, or by the fault.
func (b *backend) respond(r *http.Request) (*http.Response, error) {
	if f := b.fault.Load(); f != nil && !f.checks {
		return f.respond(r)
	}
	if err := b.serve(r.Context(), r.Context().Value(drawnKey{}).(time.Duration)); err != nil {
		return nil, err
	}
	return response(r, http.StatusOK), nil
}

func (f *fault) respond(r *http.Request) (*http.Response, error) {
	if err := sleep(r.Context(), f.after); err != nil {
		return nil, err
	}
	if f.refuses {
		return nil, reverseproxy.NewDialError(errors.New("connection refused"))
	}
	return response(r, f.status), nil
}

func response(r *http.Request, status int) *http.Response {
	return &http.Response{
		StatusCode: status,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     http.Header{},
		Body:       http.NoBody,
		Request:    r,
	}
}

// drawnKey is the context key of the value that was drawn for a request. The server decides whether
// it is work or a latency.
type drawnKey struct{}

func withDrawn(ctx context.Context, drawn time.Duration) context.Context {
	return context.WithValue(ctx, drawnKey{}, drawn)
}
