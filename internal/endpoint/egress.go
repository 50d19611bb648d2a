package endpoint

import "github.com/caddy-balance/caddy-balance/internal/egress"

// setOwner makes o what the roster uses of a config.
func (r *Roster) setOwner(o *Owner) {
	r.owner.Store(o)
	r.owned.Set()
}

// Egress returns the rules of the newest module that uses the roster, because listeners of Caddy
// may differ from config to config.
func (r *Roster) Egress() *egress.Rules { return r.owner.Load().Egress }

// EgressChanged delivers a signal when Egress may return other rules. It is for one goroutine, that
// of the definition's Run.
func (r *Roster) EgressChanged() <-chan struct{} { return r.owned.C() }

// EgressFor returns the rules for connections to an address of the pool. They are nil if a trusted
// source lists it. An address that has just left the list is judged like those of a registry.
func (r *Roster) EgressFor(address string) (rules *egress.Rules, known bool) {
	if m := r.Snapshot().Find(address); m != nil {
		if m.Info.Trusted {
			return nil, true
		}
		return r.Egress(), true
	}
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	return r.Egress(), r.pool.endpoints[address] != nil
}
