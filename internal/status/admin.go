package status

import (
	"encoding/json"
	"net/http"

	"github.com/caddyserver/caddy/v2"
)

func init() { caddy.RegisterModule(new(AdminPools)) }

// AdminPools is the part of Caddy's admin API below /pools/. It looks pools up on each request,
// because Caddy creates it before the pools of a config, and only once for both admin endpoints.
//
//	GET    /pools/<pool>                 the state of the pool
//	GET    /pools/<pool>/endpoints       the endpoints that registered themselves
//	GET    /pools/<pool>/endpoints/<id>  one of them
//	PUT    /pools/<pool>/endpoints/<id>  registers an endpoint, or renews its registration
//	DELETE /pools/<pool>/endpoints/<id>  removes it
type AdminPools struct{}

// CaddyModule returns the Caddy module information.
func (*AdminPools) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.pools",
		New: func() caddy.Module { return new(AdminPools) },
	}
}

// Routes implements caddy.AdminRouter. Other methods get 405 with an Allow header.
func (*AdminPools) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: "GET /pools/{pool}", Handler: caddy.AdminHandlerFunc(getPool)},
		{Pattern: "GET /pools/{pool}/endpoints", Handler: caddy.AdminHandlerFunc(listEndpoints)},
		{Pattern: "GET /pools/{pool}/endpoints/{id}", Handler: caddy.AdminHandlerFunc(getEndpoint)},
		{Pattern: "PUT /pools/{pool}/endpoints/{id}", Handler: caddy.AdminHandlerFunc(putEndpoint)},
		{Pattern: "DELETE /pools/{pool}/endpoints/{id}", Handler: caddy.AdminHandlerFunc(deleteEndpoint)},
	}
}

func answer(w http.ResponseWriter, status int, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(data, '\n')) // the client has gone, so nothing can be sent to it
	return nil
}

func refuse(status int, err error) error { return caddy.APIError{HTTPStatus: status, Err: err} }

// Interface guards
var (
	_ caddy.Module      = (*AdminPools)(nil)
	_ caddy.AdminRouter = (*AdminPools)(nil)
)
