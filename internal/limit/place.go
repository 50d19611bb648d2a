package limit

import "sync/atomic"

// Place is the place of a request inside of a gate. Its zero value holds none, and nil works like
// it. It may be given back from several goroutines at once.
type Place struct {
	gate   atomic.Pointer[Gate] // nil while it holds none
	home   *Gate                // where it holds one, or has held one
	waiter *Waiter
	shared *Place       // the place whose share p is; nil if it is one of its own
	users  atomic.Int32 // how many hold it: p, and those that share it
}

// Hold makes a place that was just taken at a gate that of p, which holds none. w is how the
// request waited for it, nil if it did not.
func (p *Place) Hold(g *Gate, w *Waiter) {
	p.home, p.waiter, p.shared = g, w, nil
	p.users.Store(1)
	p.gate.Store(g)
}

// Share makes p, which holds no place, hold the same one as another, and reports whether that still
// holds one at this gate. The place is given back when all that hold it have left.
func (p *Place) Share(other *Place, g *Gate) bool {
	if other.gate.Load() != g {
		return false
	}
	first := other.first()
	for n := first.users.Load(); n > 0; n = first.users.Load() {
		if first.users.CompareAndSwap(n, n+1) {
			p.home, p.shared = g, first
			p.gate.Store(g)
			return true
		}
	}
	return false
}

// first returns the place that p is, or is a share of.
func (p *Place) first() *Place {
	if p.shared != nil {
		return p.shared
	}
	return p
}

// Held reports whether p holds a place.
func (p *Place) Held() bool { return p.gate.Load() != nil }

// IsShared reports whether p is a share of another place.
func (p *Place) IsShared() bool { return p.shared != nil }

// Waiter returns how the request waited for the place, nil if it did not.
func (p *Place) Waiter() *Waiter {
	if p == nil {
		return nil
	}
	return p.waiter
}

// Found tells the gate that the request has found an endpoint, or looks for none any more, so that
// the next one in the queue may look.
func (p *Place) Found() {
	if w := p.Waiter(); w != nil {
		p.home.Found(w)
	}
}

// Leave gives the place back, if p holds one.
func (p *Place) Leave() {
	if p == nil {
		return
	}
	if g := p.gate.Swap(nil); g != nil {
		if first := p.first(); first.users.Add(-1) == 0 {
			g.leave(first.waiter)
		}
	}
}

// Freed tells the gate that an endpoint may have room. The request may have left its place before:
// when it ends, its attempts end in goroutines of their own.
func (p *Place) Freed() {
	if p != nil && p.home != nil {
		p.home.Freed()
	}
}
