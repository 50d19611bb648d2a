package endpoint

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Pool keeps every endpoint that is known under one pool name. Which of them are
// in use is said by rosters, one for each definition of the pool that is alive:
// during a reload the old config and the new one may name different endpoints of
// the same pool, and what both name they share.
type Pool struct {
	inFlight atomic.Int64
	observer atomic.Pointer[Observer]

	// Changes of what is known of its endpoints. They are counted when they begin too, so that whoever
	// sees one knows that there was one.
	begun, ended atomic.Uint64

	mu        sync.Mutex
	endpoints map[string]*trackedEndpoint
	rosters   []*runningRoster   // newest last
	configs   map[any]*configUse // by the config that uses the pool
}

// holding is an endpoint and how many rosters hold it.
type trackedEndpoint struct {
	endpoint *Endpoint
	rosters  int
	left     time.Time // when the last roster let go of it
}

// leaverKept is how long a pool remembers an endpoint that left every list, so that
// flapping membership (DNS above all) does not erase what was learned of it.
const departedKept = 10 * time.Minute

func newPool() *Pool {
	return &Pool{endpoints: make(map[string]*trackedEndpoint), configs: make(map[any]*configUse)}
}

// stir makes the rosters work out their shares anew.
func (p *Pool) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, h := range p.rosters {
		h.roster.wake()
	}
}

// hold finds or makes the endpoints of a list for one more roster.
func (p *Pool) retain(infos []listing.Info) []*Endpoint {
	p.mu.Lock()
	defer p.mu.Unlock()
	endpoints := make([]*Endpoint, len(infos))
	for i := range infos {
		endpoints[i] = p.retainLocked(infos[i].Address)
	}
	return endpoints
}

func (p *Pool) retainLocked(address string) *Endpoint {
	h := p.endpoints[address]
	if h == nil {
		h = &trackedEndpoint{endpoint: &Endpoint{address: address, pool: p}}
		p.endpoints[address] = h
	}
	h.rosters++
	return h.endpoint
}

// drop undoes hold for each member, and forgets who left long ago.
func (p *Pool) release(members []Member) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range members {
		h := p.endpoints[members[i].Address()]
		if h.rosters--; h.rosters == 0 {
			h.left = now
		}
	}
	for address, h := range p.endpoints {
		if h.rosters == 0 && h.endpoint.InFlight() == 0 && now.Sub(h.left) > departedKept {
			delete(p.endpoints, address)
		}
	}
}
