package status

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

func init() { caddy.RegisterModule(new(AdminPools)) }

// AdminPools is the part of Caddy's admin API below /pools/. It looks pools up on each request,
// because Caddy creates it before the pools of a config, and only once for both admin endpoints.
// Names in a path are escaped as in any URL. An endpoint is named by its id or its address.
//
//	GET    /pools/                                  all pools; for a browser, the live page
//	GET    /pools/<pool>                            the state of a pool and of its endpoints
//	GET    /pools/<pool>/sources                    its sources
//	GET    /pools/<pool>/routes                     what it knows of routes, the busiest first
//	GET    /pools/<pool>/history                    its last 256 changes
//	GET    /pools/<pool>/events                     its changes as they come, as server-sent events
//	GET    /pools/<pool>/groups                     groups of endpoints and their shares
//	GET    /pools/<pool>/groups/<group>             one group
//	PATCH  /pools/<pool>/groups/<group>             sets the share of a group, whatever the config says
//	DELETE /pools/<pool>/groups/<group>/share       ends that
//	POST   /pools/<pool>/explain                    who would be picked for a request, and why
//	POST   /pools/<pool>/rollback                   goes back to the membership of a revision
//	DELETE /pools/<pool>/rollback                   follows the sources again
//	GET    /pools/<pool>/endpoints                  the endpoints; with a registry, its registrations
//	GET    /pools/<pool>/endpoints/<name>           all that is known of an endpoint
//	PUT    /pools/<pool>/endpoints/<id>             registers an endpoint, or renews its registration
//	DELETE /pools/<pool>/endpoints/<id>             removes a registration
//	PATCH  /pools/<pool>/endpoints/<name>           sets state and weight, whatever its source says
//	DELETE /pools/<pool>/endpoints/<name>/override  ends that
//	POST   /pools/<pool>/endpoints/<name>/reset     forgets latency, failures and ejections
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
	var routes []caddy.AdminRoute
	for pattern, handler := range handlers() {
		routes = append(routes, caddy.AdminRoute{Pattern: pattern, Handler: handler})
	}
	for pattern, handler := range pageHandlers(true) {
		routes = append(routes, caddy.AdminRoute{Pattern: pattern, Handler: handler})
	}
	return routes
}

// handlers returns the handler of each pattern below /pools/ but the page.
func handlers() map[string]caddy.AdminHandlerFunc {
	all := map[string]caddy.AdminHandlerFunc{
		"GET /pools/{pool}":                            getPool,
		"GET /pools/{pool}/sources":                    getSources,
		"GET /pools/{pool}/routes":                     getRoutes,
		"GET /pools/{pool}/history":                    getHistory,
		"GET /pools/{pool}/events":                     streamEvents,
		"GET /pools/{pool}/groups":                     getGroups,
		"GET /pools/{pool}/groups/{group}":             getGroup,
		"PATCH /pools/{pool}/groups/{group}":           patchGroup,
		"DELETE /pools/{pool}/groups/{group}/share":    deleteGroupShare,
		"POST /pools/{pool}/explain":                   explain,
		"POST /pools/{pool}/rollback":                  rollback,
		"DELETE /pools/{pool}/rollback":                release,
		"GET /pools/{pool}/endpoints":                  listEndpoints,
		"GET /pools/{pool}/endpoints/{id}":             getEndpoint,
		"PUT /pools/{pool}/endpoints/{id}":             putEndpoint,
		"DELETE /pools/{pool}/endpoints/{id}":          deleteEndpoint,
		"PATCH /pools/{pool}/endpoints/{id}":           patchEndpoint,
		"DELETE /pools/{pool}/endpoints/{id}/override": deleteOverride,
		"POST /pools/{pool}/endpoints/{id}/reset":      resetEndpoint,
	}
	for pattern, handler := range all {
		all[pattern] = withinItsPool(handler)
	}
	return all
}

// withinItsPool refuses names with the path element "..". Caddy checks the permissions of remote
// clients for the unescaped path without such elements, which may be that of another pool:
// /pools/a/endpoints/..%2F..%2Fb would be /pools/b there, and an endpoint of the pool a here.
func withinItsPool(handler caddy.AdminHandlerFunc) caddy.AdminHandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		if slices.Contains(strings.Split(r.URL.Path, "/"), "..") {
			return refuse(http.StatusBadRequest, errors.New("path: a name has the path element \"..\""))
		}
		return handler(w, r)
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
