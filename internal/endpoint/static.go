package endpoint

import "github.com/caddyserver/caddy/v2"

// staticPool is the key of the pool of all upstreams that a config lists itself, rather than a
// named pool. All handlers share it, as they share Caddy's own counts, so that what is known of an
// address outlives any change of the list around it.
type staticPool struct{}

// AcquireStatic returns a new, empty roster in the pool of static upstreams. The caller replaces
// its list, and calls release when it is done with it.
func AcquireStatic() (r *Roster, release func()) {
	value, _, _ := pools.LoadOrNew(staticPool{}, func() (caddy.Destructor, error) { return newPool(), nil })
	r = newRoster("", value.(*Pool), Rules{})
	return r, func() {
		r.close()
		_, _ = pools.Delete(staticPool{})
	}
}
