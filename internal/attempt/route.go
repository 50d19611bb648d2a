package attempt

import (
	"net/http"
	"strings"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Route is the route of a request at a pool. Its zero value is one of which nothing is known.
type Route struct {
	*load.Route

	// Table is the table of all routes of the pool, or of the list of static upstreams.
	Table *load.Routes

	// Parked says that requests of the route are in flight for other reasons than work.
	Parked bool

	// Unknown says that no request of the route has ended yet.
	Unknown bool
}

// Route returns the route of the request at the pool of an endpoint. It is found once for each
// table.
func (a *RequestAttempts) Route(e *endpoint.Endpoint, now load.Instant) Route {
	if a == nil || a.request == nil {
		return Route{Table: e.Routes()}
	}
	if table := a.tableOf(e); a.route.Table != table {
		a.findRoute(table, now)
	}
	return a.route
}

// tableOf returns the table of the routes of an endpoint's pool, or of the static upstreams.
func (a *RequestAttempts) tableOf(e *endpoint.Endpoint) *load.Routes {
	if table := e.Routes(); table != nil {
		return table
	}
	return a.transport.routes
}

func (a *RequestAttempts) findRoute(table *load.Routes, now load.Instant) {
	key, upgrade := keyOf(a.request, a.transport.Route)
	found := table.Find(&key, now)
	a.route = Route{found, table, upgrade || table.Parked(found), found.Unknown()}
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
	case asksForUpgrade(r):
		return load.Upgrade
	case strings.HasPrefix(first(r.Header["Accept"]), "text/event-stream"):
		return load.Stream
	case isCall(r):
		return load.Call
	}
	return load.Plain
}

// isCall reports whether a request is a call of gRPC.
func isCall(r *http.Request) bool {
	return r.Method == http.MethodPost && strings.HasPrefix(first(r.Header["Content-Type"]), "application/grpc")
}

// asksForUpgrade reports whether a client asks for a connection of another protocol. Some clients
// offer h2c with every request, such as those of Java, and are content with an ordinary answer.
func asksForUpgrade(r *http.Request) bool {
	if r.Method == http.MethodConnect {
		return true
	}
	to := r.Header["Upgrade"]
	return to != nil && !strings.EqualFold(first(to), "h2c")
}

func first(values []string) string {
	if len(values) == 0 {
		return ""
	}
	return values[0]
}
