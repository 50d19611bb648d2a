package endpoint

import (
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Control is what operators have decided about a pool, in the form in which it is stored.
type Control struct {
	Overrides map[string]*Override `json:"overrides,omitempty"`
	Frozen    *Frozen              `json:"frozen,omitempty"`

	// Groups are the states of groups of endpoints.
	Groups GroupStates `json:"groups,omitempty"`

	// Endpoints is the frozen list, and Trusted has those of them that are from no network.
	Endpoints []listing.Info `json:"endpoints,omitempty"`
	Trusted   []string       `json:"trusted,omitempty"`
}

// Empty reports whether nothing is decided.
func (c *Control) Empty() bool { return len(c.Overrides) == 0 && c.Frozen == nil && len(c.Groups) == 0 }

// Control returns what operators have decided.
func (r *Roster) Control() Control {
	p := r.pool
	c := Control{Overrides: p.Overrides(), Frozen: p.Frozen()}
	if c.Frozen != nil {
		c.Endpoints = c.Frozen.Infos
	}
	if groups := r.GroupStates(); groups != nil {
		c.Groups = *groups
	}
	for i := range c.Endpoints {
		if c.Endpoints[i].Trusted {
			c.Trusted = append(c.Trusted, c.Endpoints[i].Address)
		}
	}
	return c
}

// StoreControl calls store with what operators have decided. During a reload two definitions of the
// pool may store; one waits for the other, so that the last to write has the latest.
func (r *Roster) StoreControl(store func(Control)) {
	r.pool.storing.Lock()
	defer r.pool.storing.Unlock()
	store(r.Control())
}

// frozen returns the frozen list, nil if there is none.
func (c *Control) frozen() *Frozen {
	if c.Frozen == nil {
		return nil
	}
	trusted := make(map[string]bool, len(c.Trusted))
	for _, address := range c.Trusted {
		trusted[address] = true
	}
	f := *c.Frozen
	f.Infos = slices.Clone(c.Endpoints)
	for i := range f.Infos {
		f.Infos[i].Trusted = trusted[f.Infos[i].Address]
	}
	return &f
}

// ControlChanged signals that Control has to be stored, or the time of an override is over.
func (r *Roster) ControlChanged() <-chan struct{} { return r.pool.controlChanged.C() }

// HandOverControl signals what is to be done to another definition of the pool, if there is one:
// the goroutine that has got the last signal ends.
func (r *Roster) HandOverControl() { r.pool.controlChanged.Set() }

// NeedsControl reports whether nothing has been restored yet, so that the storage has to be read.
func (r *Roster) NeedsControl() bool {
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	return !r.pool.restored
}

// RestoreControl applies what was stored. What operators have decided meanwhile comes first.
func (r *Roster) RestoreControl(c Control, now time.Time) {
	p := r.pool
	p.control.Lock()
	defer p.control.Unlock()
	p.mu.Lock()
	if p.restored {
		p.mu.Unlock()
		return
	}
	p.restored = true
	changed := p.restoreLocked(c, now)
	p.mu.Unlock()
	for _, e := range changed {
		e.endpoint.setOverride(p.overrideOf(e.endpoint.address))
	}
	p.restoreGroups(c.Groups)
	r.checkOverrides() // another process may have come to an address meanwhile
	if f := c.frozen(); f != nil && p.Frozen() == nil {
		p.freeze(f)
	}
	if len(changed) > 0 {
		p.wake()
	}
	p.controlChanged.Set() // what was decided meanwhile is to be stored, and overrides may be over
}

func (p *Pool) restoreLocked(c Control, now time.Time) (changed []*trackedEndpoint) {
	for address, o := range c.Overrides {
		if o == nil || o.Check() != nil || o.isOver(now) || p.overrides[address] != nil ||
			len(p.overrides) >= maxOverrides {
			continue
		}
		if p.overrides == nil {
			p.overrides = make(map[string]*Override)
		}
		p.overrides[address] = o
		if e := p.endpoints[address]; e != nil {
			changed = append(changed, e)
		}
	}
	return changed
}

func (p *Pool) overrideOf(address string) *Override {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.overrides[address]
}
