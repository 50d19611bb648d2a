package endpoint

import (
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// SourceState says how far the list of a source can be trusted.
type SourceState string

const (
	// SourceWaiting is the state of a source that has no list yet.
	SourceWaiting SourceState = "waiting"

	// SourceLive is the state of a source whose list is up to date.
	SourceLive SourceState = "live"

	// SourceStale is the state of a source that serves its last good list, because it fails, or has
	// not answered since the start or the reload.
	SourceStale SourceState = "stale"

	// SourceHeld is the state of a source that reported a sudden loss of endpoints, which is not
	// confirmed yet.
	SourceHeld SourceState = "held"
)

// SourceStatus is the state of one source of a pool, as the admin API shows it.
type SourceStatus struct {
	// Name is the name of the source's module.
	Name string `json:"name"`

	// Position is the source's place in the pool's definition, from 1.
	Position int `json:"position"`

	// Key tells the source apart from others in SourceLists.
	Key string `json:"-"`

	// State says how far the list can be trusted.
	State SourceState `json:"state"`

	// Entries is the number of endpoints that the source adds, before duplicates are merged.
	Entries int `json:"entries"`

	// LastSuccess is the time of the last list, which may be before a restart; zero if there was
	// none.
	LastSuccess time.Time `json:"last_success,omitzero"`

	// LastError is the latest error, which may be over.
	LastError string `json:"last_error,omitempty"`

	// LastErrorAt is the time of the latest error.
	LastErrorAt time.Time `json:"last_error_at,omitzero"`

	// HeldUntil is when a loss takes effect if the source confirms it until then; zero if that time
	// is unknown.
	HeldUntil time.Time `json:"held_until,omitzero"`

	// Dropped is the number of invalid entries in the latest list.
	Dropped int `json:"dropped"`

	// FirstDropped are the first few of the invalid entries.
	FirstDropped []DroppedEntry `json:"first_dropped,omitempty"`
}

// Age returns the time since the last list.
func (s *SourceStatus) Age(now time.Time) time.Duration { return now.Sub(s.LastSuccess) }

// DroppedEntry is an entry of a list that is invalid.
type DroppedEntry struct {
	// Key is what the source calls the entry.
	Key string `json:"key"`

	// Reason says what is wrong with it.
	Reason string `json:"reason"`
}

// provenance says where a roster's list comes from. The Run of its definition writes it.
type provenance struct {
	statuses atomic.Pointer[[]SourceStatus]
	lists    atomic.Pointer[map[string][]listing.Info]
}

// Sources returns the states of the roster's sources, in the order of its definition. Callers must
// not change the slice.
func (r *Roster) Sources() []SourceStatus {
	if s := r.provenance.statuses.Load(); s != nil {
		return *s
	}
	return nil
}

// Sources returns the states of the sources of the pool's newest definition.
func (p *Pool) Sources() []SourceStatus {
	if newest := p.newest(); newest != nil {
		return newest.Sources()
	}
	return nil
}

// SetSources replaces what Sources returns.
func (r *Roster) SetSources(s []SourceStatus) { r.provenance.statuses.Store(&s) }

// SourceLists returns the last good list of each source, by the source's definition. A new roster
// starts with those of the roster before it, so that a source which both define keeps its list when
// another source changes. Callers must not change the map or the lists.
func (r *Roster) SourceLists() map[string][]listing.Info {
	if lists := r.provenance.lists.Load(); lists != nil {
		return *lists
	}
	return nil
}

// SetSourceLists replaces what SourceLists returns.
func (r *Roster) SetSourceLists(lists map[string][]listing.Info) { r.provenance.lists.Store(&lists) }

// Storage returns the storage of the newest module that uses the roster. Those of older configs may
// be closed.
func (r *Roster) Storage() certmagic.Storage { return r.owner.Load().Storage }

// Passes reports whether no probe has failed for the endpoint with this address. Without probes,
// and for addresses that are not in the list, it is always true.
func (r *Roster) Passes(address string) bool {
	m := r.Snapshot().Find(address)
	return m == nil || m.Conditions()&r.rules.Watched&(ProbeFailed|Unchecked) == 0
}
