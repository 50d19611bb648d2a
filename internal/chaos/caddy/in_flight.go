package main

import (
	"encoding/json"
	"net/http"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func init() { caddy.RegisterModule(new(inFlight)) }

// inFlight answers GET /in_flight with the number of requests in flight, by address and summed over
// all pools. Addresses without any are left out.
type inFlight struct{}

// CaddyModule returns the Caddy module information.
func (*inFlight) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.in_flight",
		New: func() caddy.Module { return new(inFlight) },
	}
}

// Routes implements caddy.AdminRouter.
func (*inFlight) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{{Pattern: "GET /in_flight", Handler: caddy.AdminHandlerFunc(showInFlight)}}
}

func showInFlight(w http.ResponseWriter, _ *http.Request) error {
	counts := make(map[string]int)
	endpoint.Each(func(_ string, p *endpoint.Pool) bool {
		for _, e := range p.Endpoints() {
			if n := e.InFlight(); n != 0 {
				counts[e.Address()] += n
			}
		}
		return true
	})
	return json.NewEncoder(w).Encode(counts)
}

// Interface guard
var _ caddy.AdminRouter = (*inFlight)(nil)
