package traffic

import (
	"net/http"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	caddy.RegisterModule(new(panicking))
	caddy.RegisterModule(new(announcing))
	directive("panic", new(panicking))
	directive("announce", new(announcing))
}

func directive(name string, handler caddyhttp.MiddlewareHandler) {
	httpcaddyfile.RegisterHandlerDirective(name, func(httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		return handler, nil
	})
	httpcaddyfile.RegisterDirectiveOrder(name, httpcaddyfile.Before, "respond")
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
