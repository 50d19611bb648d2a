package endpoint

import (
	"cmp"
	"slices"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// History returns the changes of the pool after a revision, oldest first. Those long past are
// forgotten.
func (r *Roster) History(after uint64) []HistoryEntry { return r.pool.history.since(after) }

// LastRevision returns the revision of the last change.
func (r *Roster) LastRevision() uint64 {
	h := &r.pool.history
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last
}

// Changes returns a channel that gets a value after each change, until stop is called. Changes that
// come together may be one value.
func (r *Roster) Changes() (c <-chan struct{}, stop func()) {
	h := &r.pool.history
	listener := make(chan struct{}, 1)
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.listeners == nil {
		h.listeners = make(map[chan struct{}]struct{})
	}
	h.listeners[listener] = struct{}{}
	return listener, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		delete(h.listeners, listener)
	}
}

// recordMembership adds a change of the list.
func (r *Roster) recordMembership(c Change, old *Snapshot, endpoints int) {
	u := &undo{added: c.Added}
	for _, addresses := range [][]string{c.Removed, c.Changed} {
		for _, address := range addresses {
			u.replaced = append(u.replaced, *old.Find(address).Info)
		}
	}
	r.record(HistoryEntry{
		Kind: KindMembership, Endpoints: &endpoints, undo: u,
		Added: newAddresses(c.Added), Removed: newAddresses(c.Removed), Changed: newAddresses(c.Changed),
	})
}

// recordReturn adds that the list of the roster is in force again, instead of that of a definition
// that failed to load.
func (r *Roster) recordReturn(from *Snapshot) {
	now := r.Snapshot()
	infos := make([]listing.Info, len(now.Members))
	for i := range now.Members {
		infos[i] = *now.Members[i].Info
	}
	if change := diff(from, infos); !change.Empty() {
		r.recordMembership(change, from, len(infos))
	}
}

func newAddresses(all []string) *Addresses {
	if len(all) == 0 {
		return nil
	}
	return &Addresses{len(all), slices.Clone(all[:min(len(all), maxAddresses)])}
}

func sortedInfos(byAddress map[string]listing.Info) []listing.Info {
	infos := make([]listing.Info, 0, len(byAddress))
	for _, info := range byAddress {
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b listing.Info) int { return cmp.Compare(a.Address, b.Address) })
	return infos
}
