package endpoint

import (
	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Routes returns what the endpoint's pool knows of the routes of requests. It is nil for the
// endpoints of static upstreams, which have a table for each list of them (see AcquireRoutes): the
// sites that use an address share what is known of it, but not what its requests are.
func (e *Endpoint) Routes() *load.Routes { return e.pool.routes }

// Routes returns what the pool knows of the routes of requests.
func (p *Pool) Routes() *load.Routes { return p.routes }

// Routes returns what the roster's pool knows of the routes of requests.
func (r *Roster) Routes() *load.Routes { return r.pool.routes }

// staticRoutes keeps the tables of static upstreams, by the list of upstreams. A reload acquires a
// table before the old config releases it.
var staticRoutes = caddy.NewUsagePool()

// sharedRoutes is a table in a usage pool.
type sharedRoutes struct{ load.Routes }

// Destruct implements caddy.Destructor.
func (*sharedRoutes) Destruct() error { return nil }

// AcquireRoutes returns the table of a list of static upstreams, until release is called.
func AcquireRoutes(list string) (routes *load.Routes, release func()) {
	value, _, _ := staticRoutes.LoadOrNew(list, func() (caddy.Destructor, error) { return new(sharedRoutes), nil })
	return &value.(*sharedRoutes).Routes, func() { _, _ = staticRoutes.Delete(list) }
}

// EachStaticRoutes calls f for the table of each list of static upstreams, in no order, until f
// returns false. f must not acquire or release tables.
func EachStaticRoutes(f func(list string, routes *load.Routes) bool) {
	staticRoutes.Range(func(key, value any) bool { return f(key.(string), &value.(*sharedRoutes).Routes) })
}
