package endpoint

import "github.com/caddyserver/caddy/v2"

// unnamed is the pool of all upstreams that stand in a config rather than in a named
// pool. One for all handlers, as Caddy's own counts are: what is known of an address
// outlives any change of the list around it.
type staticPool struct{}

// AcquireUnnamed gets a new, empty roster in the pool of upstreams without a pool.
func AcquireStatic() (r *Roster, release func()) {
	value, _, _ := pools.LoadOrNew(staticPool{}, func() (caddy.Destructor, error) { return newPool(), nil })
	r = newRoster("", value.(*Pool), Rules{})
	return r, func() {
		r.close()
		_, _ = pools.Delete(staticPool{})
	}
}
