package endpoint

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
	"github.com/caddy-balance/caddy-balance/internal/signal"
)

// Pool keeps every endpoint that is known under one pool name. Its rosters say which of them are in
// use, one for each definition of the pool that is alive: during a reload the old config and the
// new one may name different endpoints of the same pool. Endpoints that both name are shared.
type Pool struct {
	inFlight atomic.Int64
	observer atomic.Pointer[Observer]
	// listeners follow the results of attempts besides the observer; nil if there are none.
	listeners atomic.Pointer[[]*resultListener]

	routes  *load.Routes // nil in the pool of static upstreams
	traffic poolTraffic
	limits  limit.Limits
	pausing sync.Mutex // orders pauses, so that not too many begin at once

	takesReports atomic.Bool // as the newest definition says
	hedgeCredit  hedgeCredit

	// changesBegun and changesEnded count the changes of its endpoints' conditions and advice. A
	// change is counted before it is made and again after it, so that a pick that sees a change
	// also sees that the published shares do not include it. See Roster.CatchUp.
	changesBegun, changesEnded atomic.Uint64

	groups         atomic.Pointer[GroupStates] // nil if nothing was set
	history        history
	control        sync.Mutex // orders what operators decide
	controlChanged signal.Signal
	advisedModes   sync.Mutex
	overriding     sync.Mutex // orders changes of an override and of what its endpoint does
	storing        sync.Mutex // orders the writes of what operators decide

	mu        sync.Mutex
	endpoints map[string]*trackedEndpoint
	overrides map[string]*Override // by address
	frozen    *Frozen
	restored  bool // whether what operators decided was read from the storage
	departed  departures
	rosters   []*runningRoster   // newest last
	configs   map[any]*configUse // by the config that uses the pool
}

func newPool() *Pool {
	return &Pool{
		endpoints: make(map[string]*trackedEndpoint), configs: make(map[any]*configUse),
		controlChanged: signal.New(),
	}
}

func newNamedPool() (caddy.Destructor, error) {
	p := newPool()
	p.routes = new(load.Routes)
	return p, nil
}

// Limits returns what bounds the requests of the pool, by its newest definition.
func (p *Pool) Limits() *limit.Limits { return &p.limits }

// wake makes all rosters recompute their shares.
func (p *Pool) wake() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, running := range p.rosters {
		running.roster.dirty.Set()
	}
}

// retain finds or creates the endpoints of a list, and counts one more roster for each.
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
	tracked := p.endpoints[address]
	if tracked == nil {
		tracked = &trackedEndpoint{endpoint: &Endpoint{address: address, pool: p}}
		p.endpoints[address] = tracked
		if o := p.overrides[address]; o != nil {
			tracked.endpoint.override.Store(o)
			tracked.endpoint.conditions.Store(uint32(overrideConditions[o.State]))
		}
	}
	if tracked.rosters++; tracked.rosters == 1 {
		tracked.endpoint.listedSince.Store(time.Now().UnixNano())
	}
	return tracked.endpoint
}

// release undoes retain for each member, and forgets endpoints that left long ago.
func (p *Pool) release(members []Member) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	for i := range members {
		tracked := p.endpoints[members[i].Address()]
		if tracked.rosters--; tracked.rosters == 0 {
			tracked.endpoint.clearAdvice() // what comes back may be another process
			tracked.endpoint.forgetReports()
			p.departed.add(tracked, now)
		}
	}
	for _, address := range p.departed.expire(now) {
		p.forgetLocked(address)
	}
}
