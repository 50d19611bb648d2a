package layer4_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"

	"github.com/caddyserver/caddy/v2"
	l4 "github.com/mholt/caddy-l4/layer4"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func init() {
	caddy.RegisterModule(panickingPolicy{})
	caddy.RegisterModule(panickingReader{})
}

// panickingPolicy is a policy whose picks panic.
type panickingPolicy struct{}

func (panickingPolicy) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.selection_policies.panicking",
		New: func() caddy.Module { return new(panickingPolicy) },
	}
}

func (panickingPolicy) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { return caddyfile.Parse(d) }

func (panickingPolicy) NewPicker(*endpoint.Roster, endpoint.Admit) endpoint.Picker {
	return panickingPolicy{}
}

func (panickingPolicy) Pick(*http.Request) (*endpoint.Endpoint, bool) { panic("no pick") }
func (panickingPolicy) Stop()                                         {}

// panickingReader is a handler after which reading from the client panics, from the second time on.
type panickingReader struct{ net.Conn }

func (panickingReader) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "layer4.handlers.panicking", New: func() caddy.Module { return new(panickingReader) }}
}

func (*panickingReader) UnmarshalCaddyfile(d *caddyfile.Dispenser) error { return caddyfile.Parse(d) }

func (*panickingReader) Handle(cx *l4.Connection, next l4.Handler) error {
	return next.Handle(cx.Wrap(&secondReadPanics{Conn: cx.Conn}))
}

type secondReadPanics struct {
	net.Conn
	reads int
}

func (c *secondReadPanics) Read(b []byte) (int, error) {
	if c.reads++; c.reads > 1 {
		panic("no more")
	}
	return c.Conn.Read(b)
}

// Caddy serves other sites besides, which a panic must not end.
func TestAPanicEndsOneConnection(t *testing.T) {
	a := newBackend(t, "a")
	for name, handlers := range map[string]string{
		"in the policy":         "pool test {\nsource static %s\npolicy panicking\n}",
		"reading from a client": "panicking\npool test {\nsource static %s\n}",
	} {
		t.Run(name, func(t *testing.T) {
			f := newFront(t)
			f.caddy.Start(f.route(fmt.Sprintf(handlers, a.address())))
			c := connect(t, f.address)
			fmt.Fprintln(c, "hello")
			io.ReadAll(c) // it may have an answer
			f.wantInFlight(0)
			caddytest.Eventually(t, patience, "the log says so", func() bool { return caddytest.Log.Count("panic: no ") > 0 })
			caddytest.Log.Reset()
		})
	}
}
