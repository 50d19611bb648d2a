package lbpolicy

import (
	"context"
	"sync"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// checkedPool is a pool whose endpoints a test can make fail.
func checkedPool(t *testing.T) *endpoint.Roster { return loggedPool(t, zap.NewNop()) }

func loggedPool(t *testing.T, log *zap.Logger) *endpoint.Roster {
	t.Helper()
	claim, err := endpoint.Acquire(endpoint.Definition{
		Name: t.Name(), Rules: endpoint.Rules{Watched: endpoint.ProbeFailed},
		Owner: endpoint.Owner{Logger: log},
		Run:   func(ctx context.Context, _ *endpoint.Roster) { <-ctx.Done() },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(claim.Release)
	return claim.Roster
}

func TestAPickDoesNotWaitForTables(t *testing.T) {
	everyPolicy(t, "", func(t *testing.T, h *host) {
		roster := checkedPool(t)
		roster.Replace(cachesOfWeight1(t, large))
		p := h.policy.NewPicker(roster, nil)
		defer p.Stop()
		lists, building, built := 0, make(chan struct{}), make(chan struct{})
		defer roster.Subscribe(func(*endpoint.Snapshot) { // another policy, whose tables take long
			if lists++; lists == 2 {
				close(building)
				<-built
			}
		})()
		var replacing sync.WaitGroup
		defer replacing.Wait()
		defer close(built)
		replacing.Go(func() { roster.Replace(cachesOfWeight1(t, large+1)) })
		<-building
		for _, m := range roster.Snapshot().Members {
			m.Set(endpoint.ProbeFailed, true) // the pool fails open, for which the shares are computed again
		}
		picked := make(chan *endpoint.Endpoint)
		go func() {
			for range 3 {
				e, _ := p.Pick(nil)
				picked <- e
			}
		}()
		for range 3 {
			select {
			case e := <-picked:
				if e == nil {
					t.Error("nothing is usable")
				}
			case <-time.After(time.Minute):
				t.Fatal("the pick waits")
			}
		}
	})
}

// While tables are built, keys go where the tables will have them.
func TestAListWithoutTablesHasTheSameOwners(t *testing.T) {
	h := newHost(t, "bounded_load_hash", "")
	roster := staticRoster(t, cachesOfWeight1(t, large))
	p := h.policy.NewPicker(roster, nil).(*rosterPicker)
	defer p.Stop()
	prepared := p.current.Load()
	transient := p.prepareForNow(prepared)
	for _, path := range []string{"/", "/a", "/b", "/c", "/d", "/e"} {
		if a, b := pickOnce(t, p, prepared, path), pickOnce(t, p, transient, path); a != b {
			t.Errorf("%s belongs to %s, and to %s without tables", path, a.Address(), b.Address())
		}
	}
}

func pickOnce(t *testing.T, p *rosterPicker, from *preparedSnapshot, path string) *endpoint.Endpoint {
	r, end := request(t, path)
	e := p.pickFrom(from, r)
	end()
	waitFor(t, func() bool { return e.InFlight() == 0 })
	return e
}
