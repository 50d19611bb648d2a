package discovery

import (
	"context"
	"time"
)

type firstListKey struct{}

// WithFirstListBy returns a context for Run in which FirstListBy returns the time. The pool calls
// it; the tests of a source may.
func WithFirstListBy(ctx context.Context, at time.Time) context.Context {
	return context.WithValue(ctx, firstListKey{}, at)
}

// FirstListBy returns when a source should report the part of the list that it knows, if it has not
// reported a list by then: requests may be waiting, and the list is worth more to them than that it
// is whole. ctx is the context of Run. The result is false if nothing waits.
func FirstListBy(ctx context.Context) (at time.Time, waits bool) {
	at, waits = ctx.Value(firstListKey{}).(time.Time)
	return at, waits
}
