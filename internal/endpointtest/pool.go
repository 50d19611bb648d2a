// Package endpointtest runs the monitors of a pool (active checks and outlier detection) in virtual
// time: a pool inside a testing/synctest bubble, with a list of endpoints that the test sets, and
// assertions on the endpoints that get requests and on the log.
package endpointtest

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Pool is a pool in a synctest bubble. Its endpoints have short names such as "a", whose address is
// "a:1".
type Pool struct {
	// Claim is what the newest config holds of the pool.
	Claim *endpoint.Claim

	// Log has the entries of the pool from level info on.
	Log *observer.ObservedLogs

	t       *testing.T
	name    string
	configs int // number of configs that acquired the pool so far
}

// Monitor watches the endpoints of a pool in the background. Health and Detection are the two.
type Monitor interface {
	Run(context.Context, *endpoint.Roster)
	Conditions() endpoint.Condition
}

// Run calls test with a pool that these monitors watch, and releases the pool afterwards.
func Run(t *testing.T, test func(*Pool), monitors ...Monitor) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		core, log := observer.New(zap.InfoLevel)
		p := &Pool{t: t, Log: log, name: t.Name()}
		p.Claim = p.Acquire(zap.New(core), monitors...)
		defer func() { p.Claim.Release() }()
		test(p)
	})
}

// Acquire acquires the pool for one more config with monitors of its own, and returns when the
// monitors have started. The claim of the earlier config stays, as while a reload is under way.
func (p *Pool) Acquire(logger *zap.Logger, monitors ...Monitor) *endpoint.Claim {
	p.t.Helper()
	p.configs++
	var watched endpoint.Condition
	for _, m := range monitors {
		watched |= m.Conditions()
	}
	claim, err := endpoint.Acquire(endpoint.Definition{
		Config: p.configs, Name: p.name, Text: fmt.Sprint(p.configs),
		Rules: endpoint.Rules{Watched: watched},
		Owner: endpoint.Owner{Logger: logger},
		Run: func(ctx context.Context, r *endpoint.Roster) {
			var running sync.WaitGroup
			for _, m := range monitors {
				running.Go(func() { m.Run(ctx, r) })
			}
			running.Wait()
		},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	synctest.Wait()
	return claim
}

// Reload replaces the monitors as a reload of the config does: the new config acquires the pool and
// lists its endpoints before the old one releases it.
func (p *Pool) Reload(monitors ...Monitor) {
	p.t.Helper()
	next := p.Acquire(p.Claim.Roster.Logger(), monitors...)
	var list []listing.Info
	for _, m := range p.Claim.Roster.Snapshot().Members {
		list = append(list, *m.Info)
	}
	next.Roster.Replace(list)
	p.Claim.Release()
	p.Claim = next
}

// SetEndpoints replaces the list of endpoints, as a source does.
func (p *Pool) SetEndpoints(names ...string) {
	list := []listing.Info{}
	for _, name := range names {
		list = append(list, listing.Info{Address: name + ":1", Weight: 1})
	}
	p.Claim.Roster.Replace(list)
}

// Endpoint returns the listed endpoint of that name.
func (p *Pool) Endpoint(name string) *endpoint.Endpoint {
	p.t.Helper()
	m := p.Claim.Roster.Snapshot().Find(name + ":1")
	if m == nil {
		p.t.Fatalf("endpoint %s is not listed", name)
	}
	return m.Endpoint
}

// Sleep lets virtual time pass, and waits until all goroutines of the bubble are idle.
func (p *Pool) Sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// WantServing fails the test unless exactly these endpoints get requests, such as "a b".
func (p *Pool) WantServing(want string) {
	p.t.Helper()
	synctest.Wait()
	s := p.Claim.Roster.Snapshot()
	var names []string
	for _, m := range s.Members {
		if m.Weight > 0 && !m.Is(s.Blocking) {
			names = append(names, strings.TrimSuffix(m.Address(), ":1"))
		}
	}
	if got := strings.Join(names, " "); got != want {
		p.t.Errorf("%q serve, want %q", got, want)
	}
}

// WantLog fails the test unless the entries about endpoints since the last call are these, each as
// "message address: reason". It leaves out entries about the pool as a whole, which belong to other
// tests.
func (p *Pool) WantLog(want ...string) {
	p.t.Helper()
	var got []string
	for _, e := range p.Log.TakeAll() {
		if fields := e.ContextMap(); fields["address"] != nil {
			got = append(got, fmt.Sprint(e.Message, " ", fields["address"], ": ", fields["reason"]))
		}
	}
	if !slices.Equal(got, want) {
		p.t.Errorf("logged\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}
