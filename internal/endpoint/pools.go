package endpoint

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"
)

// pools keeps every pool that some config uses. A reload acquires before the old
// config releases, so that nothing known of an endpoint is forgotten.
var pools = caddy.NewUsagePool()

// Definition is what a module wants of a pool.
type Definition struct {
	// Config tells configs apart: any comparable value that all modules of one
	// config share and no other config has.
	Config any

	// Name of the pool.
	Name string

	// Text is everything that defines the pool; equal texts share one roster.
	Text string

	// Run keeps the roster up to date until ctx ends. It is called in a goroutine
	// of its own by the first definition with this text, and may outlive its config.
	Run func(ctx context.Context, r *Roster)

	// Rules are how requests are shared among the endpoints. They are part of what Text says.
	Rules Rules

	Owner
}

// Holder is what a module lends to a roster. The roster may outlive the module's config, so
// it uses what its newest holder gave it.
type Owner struct {
	Logger *zap.Logger

	// Storage is that of the module's config.
	Storage certmagic.Storage

	// Emit hands an event to Caddy's events app; nil if there is none.
	Emit func(name string, data map[string]any)
}

// Claim is a module's hold on a roster.
type Claim struct {
	Roster *Roster
	Pool   *Pool

	running *runningRoster
	def     Definition
}

// held is a roster with all that keep it alive.
type runningRoster struct {
	roster *Roster
	text   string
	claims []*Claim // oldest first
	cancel context.CancelFunc
	done   sync.WaitGroup
}

// defined is how one config defines a pool, and how often.
type configUse struct {
	text string
	uses int
}

// Destruct is called when no config uses the pool.
func (p *Pool) Destruct() error { return nil }

// Acquire gets the roster for a definition: the one that runs already for an equal
// definition, of this config or an older one, or a new one. Within one config a
// name has one definition.
//
// The roster of a changed definition stands beside the old one, which serves the old
// config until that is gone. If the new config fails to load, its roster goes and the
// old one never noticed.
func Acquire(def Definition) (*Claim, error) {
	value, _, err := pools.LoadOrNew(def.Name, func() (caddy.Destructor, error) { return newPool(), nil })
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

func (p *Pool) claim(def Definition) (*Claim, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c := p.configs[def.Config]
	if c == nil {
		c = &configUse{text: def.Text}
		p.configs[def.Config] = c
	}
	if c.text != def.Text {
		return nil, fmt.Errorf("pool %q is defined twice and differently; give one of them another name, or make them equal:\n%s\n%s", def.Name, c.text, def.Text)
	}
	c.uses++
	h := p.runningLocked(def)
	claim := &Claim{Roster: h.roster, Pool: p, running: h, def: def}
	h.claims = append(h.claims, claim)
	h.roster.owner.Store(&def.Owner)
	return claim, nil
}

// runningLocked finds the roster that runs for a definition, or starts one.
func (p *Pool) runningLocked(def Definition) *runningRoster {
	for _, h := range p.rosters {
		if h.text == def.Text {
			return h
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	h := &runningRoster{roster: newRoster(def.Name, p, def.Rules), text: def.Text, cancel: cancel}
	h.roster.owner.Store(&def.Owner)
	h.roster.journal.open()
	if n := len(p.rosters); n > 0 {
		h.roster.inheritLocked(p.rosters[n-1].roster)
	}
	p.rosters = append(p.rosters, h)
	p.electLocked()
	h.done.Go(func() { def.Run(ctx, h.roster) })
	h.done.Go(func() { h.roster.recomputeLoop(ctx) })
	h.done.Go(func() { h.roster.deliver(ctx) })
	return h
}

// appointLocked makes the newest roster lead.
func (p *Pool) electLocked() {
	var observer *Observer
	for i, h := range p.rosters {
		leads := i == len(p.rosters)-1
		h.roster.current.Store(leads)
		if leads && h.roster.observer != nil {
			observer = &h.roster.observer
		}
	}
	p.observer.Store(observer)
}

// Release gives the roster back. The last to do so ends its Run and waits for that.
func (c *Claim) Release() {
	if c.Pool.unclaim(c) {
		c.running.cancel()
		c.running.done.Wait()
		c.Roster.close()
	}
	_, _ = pools.Delete(c.def.Name)
}

// unclaim reports whether c was the last claim on its roster.
func (p *Pool) unclaim(c *Claim) (last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if d := p.configs[c.def.Config]; d.uses > 1 {
		d.uses--
	} else {
		delete(p.configs, c.def.Config)
	}
	h := c.running
	h.claims = slices.DeleteFunc(h.claims, func(other *Claim) bool { return other == c })
	if len(h.claims) > 0 {
		h.roster.owner.Store(&h.claims[len(h.claims)-1].def.Owner)
		return false
	}
	p.rosters = slices.DeleteFunc(p.rosters, func(other *runningRoster) bool { return other == h })
	p.electLocked()
	return true
}
