package endpoint

import (
	"maps"
	"time"
)

// keepOverride makes an override hold for a member, and keeps it for as long as the address may
// come back.
func (p *Pool) keepOverride(m *Member, o *Override) error {
	p.overriding.Lock()
	defer p.overriding.Unlock()
	if err := p.storeOverride(m.Address(), o); err != nil {
		return err
	}
	m.setOverride(o)
	return nil
}

func (p *Pool) storeOverride(address string, o *Override) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if _, replaces := p.overrides[address]; !replaces && len(p.overrides) >= maxOverrides {
		return ErrTooManyOverrides
	}
	if p.overrides == nil {
		p.overrides = make(map[string]*Override)
	}
	p.overrides[address] = o
	return nil
}

// dropOverride ends an override, unless another one has replaced it.
func (p *Pool) dropOverride(address string, o *Override) bool {
	p.overriding.Lock()
	defer p.overriding.Unlock()
	p.mu.Lock()
	if p.overrides[address] != o {
		p.mu.Unlock()
		return false
	}
	delete(p.overrides, address)
	tracked := p.endpoints[address]
	p.mu.Unlock()
	if tracked != nil {
		tracked.endpoint.setOverride(nil)
	}
	return true
}

// Overrides returns the overrides of the pool by address, also those of endpoints that left.
func (p *Pool) Overrides() map[string]*Override {
	p.mu.Lock()
	defer p.mu.Unlock()
	return maps.Clone(p.overrides)
}

// ExpireOverrides ends the overrides whose time is over, and returns when the next one ends; zero
// if none does.
func (r *Roster) ExpireOverrides(now time.Time) (next time.Time) {
	isOver := func(o *Override) error { // an operator may have prolonged it meanwhile
		if !o.isOver(now) {
			return ErrNoOverride
		}
		return nil
	}
	for address, o := range r.pool.Overrides() {
		switch {
		case o.isOver(now):
			_ = r.ClearOverride(address, "", "its time is over", isOver) // or it has ended by itself
		case !o.Until.IsZero() && (next.IsZero() || o.Until.Before(next)):
			next = o.Until
		}
	}
	return next
}

// OverrideCount returns the number of overrides of the pool.
func (r *Roster) OverrideCount() int {
	r.pool.mu.Lock()
	defer r.pool.mu.Unlock()
	return len(r.pool.overrides)
}
