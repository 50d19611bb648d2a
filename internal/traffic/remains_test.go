package traffic

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// inFlight is what every endpoint of every pool has in flight, by its address; none with nothing.
func inFlight() map[string]int {
	counts := make(map[string]int)
	for _, e := range endpoints() {
		if n := e.InFlight(); n != 0 {
			counts[e.Address()] += n
		}
	}
	return counts
}

func endpoints() (all []*endpoint.Endpoint) {
	endpoint.Each(func(_ string, p *endpoint.Pool) bool {
		all = append(all, p.Endpoints()...)
		return true
	})
	return all
}

// expectInFlight waits until the counts are these: the end of a request reaches its client a
// moment before or after it reaches the counts.
func expectInFlight(t *testing.T, want map[string]int) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for !maps.Equal(inFlight(), want) {
		if time.Now().After(deadline) {
			t.Fatalf("in flight: %v, want %v", inFlight(), want)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

// remains is what may be left of a test.
type remains struct {
	t     *testing.T
	older goleak.Option
	left  map[*endpoint.Pool]bool // by an earlier test, which has failed for it
	pools map[*endpoint.Pool]string
	known map[*endpoint.Endpoint]bool
}

func watchForRemains(t *testing.T) *remains {
	r := &remains{t: t, older: goleak.IgnoreCurrent(), left: make(map[*endpoint.Pool]bool)}
	endpoint.Each(func(_ string, p *endpoint.Pool) bool {
		r.left[p] = true
		return true
	})
	return r
}

// nothingInFlight is called while the config is still loaded.
func (r *remains) nothingInFlight() {
	r.pools = make(map[*endpoint.Pool]string)
	r.known = make(map[*endpoint.Endpoint]bool)
	endpoint.Each(func(name string, p *endpoint.Pool) bool {
		r.pools[p] = name
		for _, e := range p.Endpoints() {
			r.known[e] = true
		}
		return true
	})
	r.await("in flight", r.countsAreZero)
}

func (r *remains) countsAreZero() error {
	for p, name := range r.pools {
		if n := p.InFlight(); n != 0 {
			return fmt.Errorf("pool %q has %d requests in flight", name, n)
		}
	}
	for e := range r.known {
		waiting, _ := e.Load.Waiting(load.Now())
		if n := e.InFlight(); n != 0 || waiting != 0 {
			return fmt.Errorf("%s has %d requests in flight, %d of them waiting", e.Address(), n, waiting)
		}
	}
	return nil
}

// nothingLeft is called when Caddy has stopped.
func (r *remains) nothingLeft() {
	r.await("counts", r.countsAreZero)
	r.await("pools", func() (err error) {
		endpoint.Each(func(name string, p *endpoint.Pool) bool {
			if !r.left[p] {
				err = fmt.Errorf("pool %q is left", name)
			}
			return err == nil
		})
		return err
	})
	r.await("goroutines", func() error { return goleak.Find(append(notOurs, r.older)...) })
}

// notOurs are goroutines that Caddy starts once in a process, and those of backends.
var notOurs = []goleak.Option{
	goleak.IgnoreAnyFunction("github.com/caddy-balance/caddy-balance/internal/traffic.(*backend).run"),
	goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"), // ends in 5 seconds
	goleak.IgnoreAnyFunction("github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy.(*Upstream).fillDynamicHost.func1.1"),
}

func (r *remains) await(what string, check func() error) {
	r.t.Helper()
	for deadline := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			r.t.Errorf("left after the test: %s: %v", what, err)
			return
		}
	}
}
