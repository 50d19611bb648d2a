package simulation

import (
	"context"
	"errors"
	"fmt"
	"net/http"

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
	return t.fleet.attempt(i, r)
}

// attempt counts the request at backend i until its response has ended.
func (f *fleet) attempt(i int, r *http.Request) (*http.Response, error) {
	b, a := f.backends[i], arrivalOf(r.Context())
	f.begin(i, a)
	res, err := b.respond(r)
	if err != nil || res.Body == http.NoBody {
		f.end(b, a)
	} else {
		context.AfterFunc(r.Context(), func() { f.end(b, a) })
	}
	return res, err
}

// respond answers a request as the kind of the request wants it, or by the fault.
func (b *backend) respond(r *http.Request) (*http.Response, error) {
	a := arrivalOf(r.Context())
	if f := b.fault.Load(); f.affects(a) {
		return f.respond(r)
	}
	if a.kind.answer != nil {
		return a.kind.answer(b, r, a)
	}
	return worked(b, r, a)
}

// affects reports whether the request gets the fault instead of an answer.
func (f *fault) affects(a *arrival) bool {
	return f != nil && !f.checks && (f.path == "" || f.path == a.path && a.luck < f.share)
}

func (f *fault) respond(r *http.Request) (*http.Response, error) {
	if f.hangs {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
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
