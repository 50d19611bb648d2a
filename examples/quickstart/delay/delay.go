// Package delay makes demo backends slow. It is part of the examples, not of the plugin.
package delay

import (
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/caddyfile"
)

func init() {
	caddy.RegisterModule(new(Delay))
	httpcaddyfile.RegisterHandlerDirective("delay", func(h httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
		d := new(Delay)
		return d, d.UnmarshalCaddyfile(h.Dispenser)
	})
	httpcaddyfile.RegisterDirectiveOrder("delay", httpcaddyfile.Before, "respond")
}

// Delay waits before it passes a request on, or until the client goes away.
type Delay struct {
	// How long to wait. Default: not at all.
	For caddy.Duration `json:"for"`
}

// CaddyModule returns the Caddy module information.
func (*Delay) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "http.handlers.delay", New: func() caddy.Module { return new(Delay) }}
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	delay <duration>
func (d *Delay) UnmarshalCaddyfile(tokens *caddyfile.Dispenser) error {
	return caddyfile.Parse(tokens, caddyfile.Duration("for", &d.For))
}

// ServeHTTP implements caddyhttp.MiddlewareHandler.
func (d *Delay) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	select {
	case <-time.After(time.Duration(d.For)):
		return next.ServeHTTP(w, r)
	case <-r.Context().Done():
		return r.Context().Err()
	}
}

// Interface guard
var _ caddyhttp.MiddlewareHandler = (*Delay)(nil)
