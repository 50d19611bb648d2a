package discovery

import (
	"context"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Source says who could serve. It is the guest of a pool, in the namespace
// http.reverse_proxy.upstreams.pool.sources.
//
// An implementer writes Run and starts no goroutine that outlives it: the pool
// runs each source in one goroutine, from the first config that defines the pool
// to the last. A source may therefore outlive the config that provisioned it, so
// it opens what it needs in Run, closes it before returning, and tells what goes
// wrong through report instead of a logger of its own.
type Source interface {
	// Run reports whole lists until ctx ends.
	Run(ctx context.Context, report Report)
}

// Report takes what a source has to say: its whole list, or the error that kept it
// from having one, or both if part of the list could not be renewed. A nil list
// leaves the last one in force; an empty one empties it. The list belongs to the
// pool afterwards. Every Info in it has been normalized by the source.
type Report func(list []endpoint.Info, err error)
