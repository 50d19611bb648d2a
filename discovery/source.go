package discovery

import "context"

// Source reports the endpoints of a pool. A source is a Caddy module in the namespace
// http.reverse_proxy.upstreams.pool.sources.
//
// The pool calls Run in one goroutine, from the first config that defines the pool to the last. A
// source can therefore outlive the config that provisioned it. For this reason Run opens the
// connections that it needs, closes them before it returns, leaves no goroutine behind, and reports
// problems in answers and errors instead of a logger of its own.
type Source interface {
	// Run reports the whole list, and reports it again after each change until ctx ends. Run
	// returns nil when there is nothing left to follow, and an error when it cannot go on. After an
	// error the pool calls Run again after a pause, which grows from 1 s to 60 s until the source
	// reports a list.
	Run(ctx context.Context, report Report) error
}

// Local marks a source that works without a network, or that stores its list itself. The pool does
// not write lists of a local source to Caddy's storage, because the source has a list at each
// start. Files that its settings name are lists that it follows itself, so a reload does not run
// the source again because of their contents.
type Local interface {
	Source

	// Local does nothing.
	Local()
}

// SelfLimiting marks a source that limits the number of its endpoints itself, or has them from the
// config. `max_endpoints` of the pool does not apply to it.
type SelfLimiting interface {
	Source

	// SelfLimiting does nothing.
	SelfLimiting()
}

// Report hands an answer to the pool. It returns as soon as the pool has taken the answer over, or
// at once if the pool has ended.
type Report func(Answer)

// Answer is the state of a source at one moment.
type Answer struct {
	// Endpoints is the whole list. Each endpoint is normalized, which AnswerBuilder does. The list
	// belongs to the pool afterwards. nil keeps the last list; an empty list, not nil, removes all
	// endpoints.
	Endpoints []Endpoint

	// Dropped holds the entries that are not in the list because they are invalid. The pool logs
	// them once for each set.
	Dropped []Dropped

	// Omitted is the number of entries that were dropped beyond those in Dropped.
	Omitted int

	// Err is the reason why the list is missing or incomplete, if the source itself goes on. An
	// error that ends Run is the result of Run instead.
	Err error

	// Partial means that Endpoints is only a part of the list, because the source still waits for
	// the rest or got no more. The pool uses such a list only if it has no other list, and only
	// until the next answer. It is never stored.
	Partial bool

	// Authoritative means that the source knows every missing endpoint to be removed on purpose, as
	// by an edit of a file. Such a removal takes effect at once. Without it, the pool holds back a
	// loss of all or nearly all endpoints until the loss has lasted for `empty_grace`.
	Authoritative bool
}

// Dropped is an entry of a registry that cannot be an endpoint.
type Dropped struct {
	Key string // the registry's name of the entry
	Err error  // what is wrong with the entry, and what was expected
}
