package attempt

import (
	"net/http"
	"strings"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// route is the route of a request in a table.
type route struct {
	routes *load.Routes
	*load.Route
	parked bool // requests of the route are no work
}

// Parked reports whether the request will be in flight for other reasons than work, as far as is
// known of its route at an endpoint's pool.
func (a *RequestAttempts) Parked(e *endpoint.Endpoint, now load.Instant) bool {
	return a != nil && a.request != nil && a.routeAt(e, now).parked
}

// Routes returns the table of routes of the endpoint's pool, or of the static upstreams. It is nil
// for a request that cannot be tracked at a static upstream.
func (a *RequestAttempts) Routes(e *endpoint.Endpoint) *load.Routes {
	if routes := e.Routes(); routes != nil || a == nil || a.transport == nil {
		return routes
	}
	return a.transport.routes
}

// routeAt returns the route of the request. It is found once for each table.
func (a *RequestAttempts) routeAt(e *endpoint.Endpoint, now load.Instant) *route {
	routes := a.Routes(e)
	if a.route.Route == nil || a.route.routes != routes {
		key, upgrade := keyOf(a.request, a.transport.Route)
		found := routes.Find(key, now)
		a.route = route{routes, found, upgrade || routes.Long(found)}
	}
	return &a.route
}

// keyOf returns the key of the route of a request, and whether the request asks for an upgrade.
func keyOf(r *http.Request, by func(*http.Request) load.Key) (key load.Key, upgrade bool) {
	kind := kindOf(r)
	if by != nil {
		return by(r), kind == load.Upgrade
	}
	return load.KeyOf(kind, r.Method, r.URL.Path), kind == load.Upgrade
}

func kindOf(r *http.Request) load.Kind {
	switch {
	case r.Header["Upgrade"] != nil || r.Method == http.MethodConnect:
		return load.Upgrade
	case first(r.Header["Accept"]) == "text/event-stream":
		return load.Stream
	case r.Method == http.MethodPost && strings.HasPrefix(first(r.Header["Content-Type"]), "application/grpc"):
		return load.Call
	}
	return load.Plain
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
