package endpoint

import "github.com/caddyserver/caddy/v2"

// keptKey is the key of what a policy keeps over reloads, apart from what is known of endpoints.
type keptKey string

// keptValue is a value in the registry.
type keptValue struct{ value any }

// Destruct implements caddy.Destructor.
func (keptValue) Destruct() error { return nil }

// Keep returns the value of a key, which create makes if no config has it. It outlives a reload and
// ends when all that called Keep have called release. A key belongs to one type of values.
func Keep[T any](key string, create func() T) (value T, release func()) {
	v, _, _ := pools.LoadOrNew(keptKey(key), func() (caddy.Destructor, error) { return keptValue{create()}, nil })
	return v.(keptValue).value.(T), func() { _, _ = pools.Delete(keptKey(key)) }
}

// EachKept calls f for each kept value of a type, in no order.
func EachKept[T any](f func(T)) {
	var all []T // the look-up holds a lock
	pools.Range(func(_, value any) bool {
		if kept, ok := value.(keptValue); ok {
			if v, ok := kept.value.(T); ok {
				all = append(all, v)
			}
		}
		return true
	})
	for _, v := range all {
		f(v)
	}
}
