package discovery

import (
	"context"
	"fmt"

	"github.com/caddy-balance/caddy-balance/internal/count"
)

const (
	// DefaultMaxEndpoints is the maximum number of endpoints of a source, unless the pool says
	// otherwise.
	DefaultMaxEndpoints = 10_000

	// MaxDropped is the maximum number of dropped entries that an answer describes. It counts the
	// others.
	MaxDropped = 100
)

type maxEndpointsKey struct{}

// WithMaxEndpoints returns a context for Run in which MaxEndpoints finds the limit of the pool. The
// pool calls it; the tests of a source may.
func WithMaxEndpoints(ctx context.Context, limit int) context.Context {
	return context.WithValue(ctx, maxEndpointsKey{}, limit)
}

// MaxEndpoints returns how many endpoints a source may report, which is `max_endpoints` of its
// pool. ctx is the context of Run.
//
// The pool refuses a longer list. A source checks the limit as well while it reads the answer of a
// registry, and stops there with TooManyEndpoints, so that an answer cannot fill the memory before
// the pool sees it.
func MaxEndpoints(ctx context.Context) int {
	if limit, ok := ctx.Value(maxEndpointsKey{}).(int); ok {
		return limit
	}
	return DefaultMaxEndpoints
}

// TooManyEndpoints is the error about an answer beyond the limit.
func TooManyEndpoints(limit int) error {
	return fmt.Errorf("has more than %s; max_endpoints of the pool allows more", count.Of(limit, "entry"))
}
