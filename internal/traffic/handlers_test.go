package traffic

import (
	"io"
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	directive("panic", "respond", func() handler { return new(panicking) })
	directive("announce", "respond", func() handler { return new(announcing) })
	directive("numbered", "tracing", func() handler { return new(numbered) })
}

type handler interface {
	caddy.Module
	caddyfile.Unmarshaler
	caddyhttp.MiddlewareHandler
}

func directive(name, before string, newHandler func() handler) {
	caddy.RegisterModule(newHandler())
	httpcaddyfile.RegisterHandlerDirective(name, func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		made := newHandler()
		return made, made.UnmarshalCaddyfile(h.Dispenser)
	})
	httpcaddyfile.RegisterDirectiveOrder(name, httpcaddyfile.Before, before)
}

// panicking is a handler with a bug.
type panicking struct{}

func (*panicking) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.panic", New: func() caddy.Module { return new(panicking) }}
}

func (*panicking) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func (*panicking) ServeHTTP(http.ResponseWriter, *http.Request, caddyhttp.Handler) error {
	panic("a handler with a bug")
}

// announcing tells that Caddy handles a request, before its body was read.
type announcing struct{}

var announced = make(chan struct{})

func (*announcing) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.announce", New: func() caddy.Module { return new(announcing) }}
}

func (*announcing) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func (*announcing) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	announced <- struct{}{}
	return next.ServeHTTP(w, r)
}

// numbered tells which config serves, if it is asked.
type numbered struct {
	Number string `json:"number"`
}

func (*numbered) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.numbered", New: func() caddy.Module { return new(numbered) }}
}

func (n *numbered) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	d.Args(&n.Number)
	return nil
}

func (n *numbered) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if r.Header.Get("X-Numbered") == "" {
		return next.ServeHTTP(w, r)
	}
	_, err := io.WriteString(w, n.Number)
	return err
}
