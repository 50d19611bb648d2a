package discovery

import (
	"context"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Source says who could serve. It is the guest of a pool, in the namespace
// http.reverse_proxy.upstreams.pool.sources.
//
// An implementer writes Run and starts no goroutine that outlives it: the pool
// runs each source in one goroutine, from the first config that defines the pool
// to the last. A source may therefore outlive the config that provisioned it, so
// it opens what it needs in Run, closes it before returning, and tells what goes
// wrong through its answers and its error instead of a logger of its own.
//
// Merging, guarding against losses, pausing after errors, keeping the last good list and
// publishing are the pool's work: a source has no loop of its own for any of them.
type Source interface {
	// Run reports whole lists, and then goes on following them until ctx ends. It returns nil
	// if there is nothing left to follow, or the error that kept it from going on: then it is run again
	// after a pause, which grows as long as no answer comes.
	Run(ctx context.Context, report Report) error
}

// Local is a source that needs nothing beyond this machine, or keeps its list itself. Its lists are not
// written to Caddy's storage.
type Local interface {
	Source
	Local()
}

// Report takes what a source has to say. It does not block for long.
type Report func(Answer)

// Answer is what a source has to say at one moment.
type Answer struct {
	// Endpoints is the whole list, each of them normalized. It belongs to the pool
	// afterwards. nil leaves the last list in force; an empty one empties it.
	Endpoints []listing.Info

	// Dropped are the entries that the list lacks because something is wrong with them.
	Dropped []Dropped

	// Err is what kept the source from having all of its list.
	Err error

	// Final means that whoever is not in the list was taken away on purpose. Any other loss of
	// all or nearly all endpoints is only believed after a while.
	Authoritative bool
}

// Dropped is an entry that a source could not take.
type Dropped struct {
	Key string // what the source calls the entry
	Err error  // what is wrong with it, and what was expected
}
