package endpoint

import "github.com/caddyserver/caddy/v2"

// kept has what policies keep over reloads, apart from what is known of endpoints.
var kept = caddy.NewUsagePool()

// keptValue is a value in a usage pool.
type keptValue struct{ value any }

// Destruct implements caddy.Destructor.
func (keptValue) Destruct() error { return nil }

// Keep returns the value of a key, which create makes if no config has it. It outlives a reload and
// ends when all that called Keep have called release. A key belongs to one type of values.
func Keep[T any](key string, create func() T) (value T, release func()) {
	v, _, _ := kept.LoadOrNew(key, func() (caddy.Destructor, error) { return keptValue{create()}, nil })
	return v.(keptValue).value.(T), func() { _, _ = kept.Delete(key) }
}
