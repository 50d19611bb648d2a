package discovery

import (
	"context"

	"github.com/caddyserver/certmagic"
)

type storageKey struct{}

// WithStorage returns a context for Run in which StorageOf finds Caddy's storage. The pool calls
// it; the tests of a source may.
func WithStorage(ctx context.Context, storage func() certmagic.Storage) context.Context {
	return context.WithValue(ctx, storageKey{}, storage)
}

// StorageOf returns Caddy's storage, for a source that stores data of its own. ctx is the context
// of Run; StorageOf panics with any other context.
//
// Call StorageOf at each use and do not keep its result. It returns the storage of the newest
// config; the storage of the config that provisioned the source may be closed, because the source
// outlives that config if a reload does not change the pool.
func StorageOf(ctx context.Context) certmagic.Storage {
	return ctx.Value(storageKey{}).(func() certmagic.Storage)()
}
