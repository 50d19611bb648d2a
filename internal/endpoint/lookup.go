package endpoint

import (
	"cmp"
	"slices"
)

// Each calls f for every pool that a config uses, in no order, until f returns false. The pool of
// static upstreams has no name. f must not acquire or release pools.
func Each(f func(name string, p *Pool) bool) {
	pools.Range(func(key, value any) bool {
		name, _ := key.(string)
		p, ok := value.(*Pool) // policies keep other values there
		return !ok || f(name, p)
	})
}

// Current returns the roster of the newest definition of the pool with this name, nil if no config
// uses that pool.
func Current(name string) (current *Roster) {
	Each(func(found string, p *Pool) bool {
		if found == name && name != "" {
			current = p.newest()
		}
		return current == nil
	})
	return current
}

// CurrentRosters returns the rosters of the newest definitions of all named pools, in no order.
func CurrentRosters() (all []*Roster) {
	Each(func(name string, p *Pool) bool {
		if newest := p.newest(); name != "" && newest != nil {
			all = append(all, newest)
		}
		return true
	})
	return all
}

func (p *Pool) newest() *Roster {
	p.mu.Lock()
	defer p.mu.Unlock()
	if n := len(p.rosters); n > 0 {
		return p.rosters[n-1].roster
	}
	return nil
}

// newestAlone returns the only roster of the pool, nil if there are none or several.
func (p *Pool) newestAlone() *Roster {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.rosters) == 1 {
		return p.rosters[0].roster
	}
	return nil
}

// Newest returns the roster of the newest definition of the pool, nil if there is none, as for
// static upstreams.
func (p *Pool) Newest() *Roster { return p.newest() }

// Listed returns the endpoints that any roster lists, in no order.
func (p *Pool) Listed() []*Endpoint {
	p.mu.Lock()
	defer p.mu.Unlock()
	var listed []*Endpoint
	for _, tracked := range p.endpoints {
		if tracked.rosters > 0 {
			listed = append(listed, tracked.endpoint)
		}
	}
	return listed
}

// InFlight returns the number of requests in flight at all endpoints of the pool.
func (p *Pool) InFlight() int { return int(p.inFlight.Load()) }

// Endpoints returns all endpoints that the pool knows, in the order of their addresses. Endpoints
// that left every list are among them for a while, and as long as they have requests in flight.
func (p *Pool) Endpoints() []*Endpoint {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := make([]*Endpoint, 0, len(p.endpoints))
	for _, tracked := range p.endpoints {
		all = append(all, tracked.endpoint)
	}
	slices.SortFunc(all, func(a, b *Endpoint) int { return cmp.Compare(a.address, b.address) })
	return all
}
