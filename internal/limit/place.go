package limit

import "sync/atomic"

// Place is the place of a request inside of a gate. Its zero value holds none, and nil works like
// it. It may be given back from several goroutines at once.
type Place struct {
	gate   atomic.Pointer[Gate]
	waiter *Waiter
}

// Hold makes a place that was just taken at a gate that of p, which holds none. w is how the
// request waited for it, nil if it did not.
func (p *Place) Hold(g *Gate, w *Waiter) {
	p.waiter = w
	p.gate.Store(g)
}

// Held reports whether p holds a place.
func (p *Place) Held() bool { return p.gate.Load() != nil }

// Leave gives the place back, if p holds one.
func (p *Place) Leave() {
	if p == nil {
		return
	}
	if g := p.gate.Swap(nil); g != nil {
		g.leave(p.waiter)
	}
}

// Freed tells the gate that an endpoint may have room, while the request keeps its place.
func (p *Place) Freed() {
	if p == nil {
		return
	}
	if g := p.gate.Load(); g != nil {
		g.Freed()
	}
}
