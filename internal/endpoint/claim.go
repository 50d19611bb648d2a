package endpoint

import (
	"slices"
	"sync"
)

// Claim is the right of one module to use a roster, until it releases it.
type Claim struct {
	// Roster is the list of endpoints by the module's definition.
	Roster *Roster

	// Pool is the pool that the roster belongs to.
	Pool *Pool

	running *runningRoster
	def     Definition
	ended   sync.Once
	last    bool // it was the last claim on its roster
}

// End ends the claim. The last claim on a roster also tells its goroutines to stop. End does not
// wait for them, so that those of many pools stop at the same time.
func (c *Claim) End() {
	c.ended.Do(func() {
		if c.last = c.Pool.unclaim(c); c.last {
			c.running.cancel()
		}
	})
}

// Release ends the claim. The last claim on a roster waits for its goroutines to stop, but not for
// long: see package bounded.
func (c *Claim) Release() {
	c.End()
	if c.last {
		c.running.goroutines.Wait()
		c.Roster.close()
		if left := c.Pool.newestAlone(); left != nil {
			left.checkOverrides()
		}
	}
	_, _ = pools.Delete(c.def.Name)
}

// unclaim removes a claim, and reports whether it was the last one on its roster.
func (p *Pool) unclaim(c *Claim) (last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if use := p.configs[c.def.Config]; use.uses > 1 {
		use.uses--
	} else {
		delete(p.configs, c.def.Config)
	}
	running := c.running
	running.claims = slices.DeleteFunc(running.claims, func(other *Claim) bool { return other == c })
	if n := len(running.claims); n > 0 {
		running.roster.setOwner(&running.claims[n-1].def.Owner)
		return false
	}
	n := len(p.rosters)
	back := n > 1 && p.rosters[n-1] == running
	p.rosters = slices.DeleteFunc(p.rosters, func(other *runningRoster) bool { return other == running })
	p.electLocked()
	if back {
		p.history.add(HistoryEntry{Kind: KindConfig, Event: "the earlier definition of the pool is back"})
		p.rosters[n-2].roster.recordReturn(running.roster.Snapshot())
	}
	return true
}
