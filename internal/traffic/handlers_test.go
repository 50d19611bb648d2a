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
	directive("panic", "respond", func() handler { return new(panicHandler) })
	directive("announce", "respond", func() handler { return new(announcer) })
	directive("numbered", "tracing", func() handler { return new(configNumber) })
}

// handler is an HTTP handler that tests add to Caddy, with a directive of the Caddyfile.
type handler interface {
	caddy.Module
	caddyfile.Unmarshaler
	caddyhttp.MiddlewareHandler
}

// directive registers a handler and its directive, which is ordered before another one.
func directive(name, before string, newHandler func() handler) {
	caddy.RegisterModule(newHandler())
	httpcaddyfile.RegisterHandlerDirective(name, func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		made := newHandler()
		return made, made.UnmarshalCaddyfile(h.Dispenser)
	})
	httpcaddyfile.RegisterDirectiveOrder(name, httpcaddyfile.Before, before)
}

// panicHandler is a handler with a bug.
type panicHandler struct{}

func (*panicHandler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.panic", New: func() caddy.Module { return new(panicHandler) }}
}

func (*panicHandler) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func (*panicHandler) ServeHTTP(http.ResponseWriter, *http.Request, caddyhttp.Handler) error {
	panic("a handler with a bug")
}

// announcer sends to announced when Caddy begins to handle a request, before its body is read.
type announcer struct{}

var announced = make(chan struct{})

func (*announcer) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.announce", New: func() caddy.Module { return new(announcer) }}
}

func (*announcer) UnmarshalCaddyfile(*caddyfile.Dispenser) error { return nil }

func (*announcer) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	announced <- struct{}{}
	return next.ServeHTTP(w, r)
}

// configNumber answers requests that have the header X-Numbered with the number of the config.
type configNumber struct {
	Number string `json:"number"`
}

func (*configNumber) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.numbered", New: func() caddy.Module { return new(configNumber) }}
}

func (n *configNumber) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next()
	d.Args(&n.Number)
	return nil
}

func (n *configNumber) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	if r.Header.Get("X-Numbered") == "" {
		return next.ServeHTTP(w, r)
	}
	_, err := io.WriteString(w, n.Number)
	return err
}
