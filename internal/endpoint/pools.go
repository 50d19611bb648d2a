package endpoint

import (
	"context"
	"fmt"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/definition"
	"github.com/caddy-balance/caddy-balance/internal/egress"
	"github.com/caddy-balance/caddy-balance/internal/limit"
)

// pools keeps every pool that a config uses, by name. A reload acquires the new config's pools
// before the old config releases its own, so that nothing known of an endpoint is forgotten.
var pools = caddy.NewUsagePool()

// Definition is how a module defines a pool.
type Definition struct {
	// Config identifies the config of the module: a comparable value that all modules of one config
	// share and no other config has.
	Config any

	// Name is the name of the pool.
	Name string

	// Text is everything that defines the pool, in JSON. Within one config, equal texts are the
	// same definition.
	Text string

	// Resolved is what Text stands for. In different configs, equal texts are the same definition
	// only if they stand for the same: a token or a certificate may have been rotated meanwhile.
	// Only that of the first module of a config counts.
	Resolved definition.Resolved

	// Run keeps the roster up to date until ctx ends, and returns soon after: see package bounded.
	// Only the Run of the first of equal definitions is called, in a goroutine of its own. It may
	// outlive the config of that one.
	Run func(ctx context.Context, r *Roster)

	// Rules say how requests are shared among the endpoints. Text covers them too.
	Rules Rules

	// Metrics says whether there are metrics of each endpoint. Nil leaves that to their number.
	// Text covers it too.
	Metrics *bool

	// Limits bound the requests of the pool. Text covers them too.
	Limits limit.Settings

	Owner
}

// Owner is what a module provides to a roster. The roster may outlive the config of that module, so
// it uses what its newest owner provides.
type Owner struct {
	// Logger is the logger of the module.
	Logger *zap.Logger

	// Storage is the storage of the module's config.
	Storage certmagic.Storage

	// Emit passes an event to Caddy's events app. It is nil if there is none.
	Emit func(name string, data map[string]any)

	// Egress says which addresses may be dialed. Nil permits all.
	Egress *egress.Rules
}

// runningRoster is a roster with its goroutines, and the claims that keep it alive.
type runningRoster struct {
	roster     *Roster
	text       string
	resolved   definition.Resolved
	claims     []*Claim // oldest first
	cancel     context.CancelFunc
	goroutines sync.WaitGroup
}

// configUse is how one config defines a pool, and how many of its modules use it.
type configUse struct {
	text     string
	resolved definition.Resolved // by the first of its modules
	uses     int
}

// Destruct implements caddy.Destructor. Caddy calls it when no config uses the pool.
func (p *Pool) Destruct() error { return nil }

// Acquire claims the roster for a definition: the running roster of an equal definition in this
// config or an older one, or else a new roster. Within one config a name has one definition.
//
// The roster of a changed definition runs beside the old roster, which serves the old config until
// that is gone. If the new config fails to load, its roster ends, and the old one is unaffected.
func Acquire(def Definition) (*Claim, error) {
	value, _, err := pools.LoadOrNew(def.Name, newNamedPool)
	if err != nil {
		return nil, err
	}
	p := value.(*Pool)
	claim, err := p.claim(def)
	if err != nil {
		_, _ = pools.Delete(def.Name)
		return nil, err
	}
	return claim, nil
}

// IsDefined reports whether a config has this definition already, so that what it stands for need
// not be found out again: a pool may stand in hundreds of places.
func IsDefined(config any, name, text string) bool {
	value, _, err := pools.LoadOrNew(name, newNamedPool)
	if err != nil {
		return false
	}
	defer func() { _, _ = pools.Delete(name) }()
	p := value.(*Pool)
	p.mu.Lock()
	defer p.mu.Unlock()
	use := p.configs[config]
	return use != nil && use.text == text
}

func (p *Pool) claim(def Definition) (*Claim, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	use := p.configs[def.Config]
	if use == nil {
		use = &configUse{text: def.Text, resolved: def.Resolved}
		p.configs[def.Config] = use
	}
	if use.text != def.Text {
		return nil, fmt.Errorf("pool %q is defined twice and differently, in %s; "+
			"give one of them another name, or make them equal",
			def.Name, definition.Differences([]byte(use.text), []byte(def.Text)))
	}
	def.Resolved = use.resolved // a file may have changed while the config is being loaded
	use.uses++
	running := p.runningLocked(def)
	claim := &Claim{Roster: running.roster, Pool: p, running: running, def: def}
	running.claims = append(running.claims, claim)
	running.roster.setOwner(&def.Owner)
	return claim, nil
}

// runningLocked returns the running roster of a definition, which it starts if there is none.
func (p *Pool) runningLocked(def Definition) *runningRoster {
	for _, running := range p.rosters {
		if running.text == def.Text && running.resolved.Equal(def.Resolved) {
			return running
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	r := newRoster(def.Name, p, def.Rules)
	r.metrics, r.limits = def.Metrics, def.Limits
	r.owner.Store(&def.Owner)
	r.queue.start()
	if n := len(p.rosters); n > 0 {
		r.inheritLocked(p.rosters[n-1].roster)
		p.history.add(HistoryEntry{Kind: KindConfig, Event: "the definition of the pool changed"})
	}
	running := &runningRoster{roster: r, text: def.Text, resolved: def.Resolved, cancel: cancel}
	p.rosters = append(p.rosters, running)
	p.electLocked()
	running.goroutines.Go(func() { def.Run(ctx, r) })
	running.goroutines.Go(func() { r.recomputeLoop(ctx) })
	running.goroutines.Go(func() { r.deliverEvents(ctx) })
	return running
}

// electLocked makes the newest roster the current one. The pool gets its observer and its limits.
func (p *Pool) electLocked() {
	var observer *Observer
	for i, running := range p.rosters {
		current := i == len(p.rosters)-1
		running.roster.current.Store(current)
		if current {
			p.takesReports.Store(running.roster.rules.LoadReports)
			p.limits.Apply(running.roster.limits)
		}
		if current && running.roster.observer != nil {
			observer = &running.roster.observer
		}
	}
	p.observer.Store(observer)
}
