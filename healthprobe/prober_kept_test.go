package healthprobe

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

// keepingProbe keeps a thing for each endpoint, and counts the things.
type keepingProbe struct {
	mu          sync.Mutex
	open        map[string]int // number of things that are not closed, by endpoint
	opened      int
	fails, late bool
	overlap     bool // whether two checks of an endpoint have overlapped
	busy        map[string]bool
}

type thing struct {
	probe *keepingProbe
	name  string
}

func (o *thing) Close() error {
	o.probe.mu.Lock()
	defer o.probe.mu.Unlock()
	o.probe.open[o.name]--
	return nil
}

func (k *keepingProbe) Check(ctx context.Context, t *Target) error {
	name := strings.TrimSuffix(t.Address, ":1")
	k.mu.Lock()
	k.overlap = k.overlap || k.busy[name]
	k.busy[name] = true
	late := k.late
	k.mu.Unlock()
	if late {
		time.Sleep(time.Minute) // ignores ctx, unlike a correct probe
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	k.busy[name] = false
	if t.Kept == nil {
		t.Kept = &thing{k, name}
		k.opened++
		k.open[name]++
	}
	if k.fails {
		return errors.New("no")
	}
	return nil
}

func (k *keepingProbe) set(fails, late bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fails, k.late = fails, late
}

// wantKept fails the test unless this number of things is open, of this number ever opened.
func (k *keepingProbe) wantKept(t *testing.T, kept, opened int) {
	t.Helper()
	synctest.Wait()
	k.mu.Lock()
	defer k.mu.Unlock()
	n := 0
	for _, m := range k.open {
		n += m
	}
	if n != kept || k.opened != opened || k.overlap {
		t.Errorf("%d things are open of %d ever opened, want %d of %d; checks overlap: %t", n, k.opened, kept, opened, k.overlap)
	}
}

func newKeepingProbe() *keepingProbe {
	return &keepingProbe{open: map[string]int{}, busy: map[string]bool{}}
}

func TestKeptThingsAreClosedWhenTheEndpointLeaves(t *testing.T) {
	k := newKeepingProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b", "c")
		pool.Sleep(time.Minute)
		k.wantKept(t, 3, 3)
		pool.SetEndpoints("a")
		k.wantKept(t, 1, 3)
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Minute)
		k.wantKept(t, 2, 4)
	}, newHealth(k))
}

func TestAThingKeptAfterTheEndpointLeftIsClosed(t *testing.T) {
	k := newKeepingProbe()
	k.late = true
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Second)
		pool.SetEndpoints("a")
		k.wantKept(t, 0, 0)
		k.set(false, false)
		pool.Sleep(time.Minute)
		k.wantKept(t, 1, 2)
	}, newHealth(k))
}

func TestKeptThingsAreClosedWhenTheChecksEnd(t *testing.T) {
	k := newKeepingProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a", "b", "c")
		pool.Sleep(time.Minute)
		k.set(false, true)
		pool.Sleep(6 * time.Second) // all three are being checked
		pool.SetEndpoints("a", "b")
		pool.Reload()
		pool.Sleep(time.Minute)
		k.wantKept(t, 0, 3)
	}, newHealth(k))
}

func TestNothingIsKeptAfterAFailedCheck(t *testing.T) {
	k := newKeepingProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		pool.SetEndpoints("a")
		pool.Sleep(time.Minute)
		k.wantKept(t, 1, 1)
		k.set(true, false)
		pool.Sleep(6 * time.Second)
		k.wantKept(t, 0, k.opened)
	}, newHealth(k))
}
