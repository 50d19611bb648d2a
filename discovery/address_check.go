package discovery

import "context"

type addressCheckKey struct{}

// WithAddressCheck returns a context for Run in which CheckAddress judges addresses by check. The
// pool calls it; the tests of a source may.
func WithAddressCheck(ctx context.Context, check func(address string) error) context.Context {
	return context.WithValue(ctx, addressCheckKey{}, check)
}

// CheckAddress returns an error if the pool would refuse a normalized address. ctx is the context
// of Run. The pool itself judges all lists, so CheckAddress is only for sources that answer the
// registration of an endpoint.
//
// Call it at each use, because a reload changes what it says: the listeners of Caddy, for example.
func CheckAddress(ctx context.Context, address string) error {
	if check, ok := ctx.Value(addressCheckKey{}).(func(string) error); ok {
		return check(address)
	}
	return nil
}
