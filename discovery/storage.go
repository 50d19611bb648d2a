package discovery

import (
	"context"

	"github.com/caddyserver/certmagic"
)

type storageKey struct{}

func WithStorage(ctx context.Context, storage func() certmagic.Storage) context.Context {
	return context.WithValue(ctx, storageKey{}, storage)
}

// storageOf is Caddy's storage for a source that keeps something of its own there; ctx is that of its Run. Ask
// for it at each use: it is that of the newest config, since a source may outlive the one that
// provisioned it, whose storage is closed then.
func StorageOf(ctx context.Context) certmagic.Storage {
	return ctx.Value(storageKey{}).(func() certmagic.Storage)()
}
