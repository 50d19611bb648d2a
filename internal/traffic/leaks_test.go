package traffic

import (
	"fmt"
	"maps"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// inFlight returns the number of requests in flight by address, over the endpoints of all pools.
// Endpoints without any are left out.
func inFlight() map[string]int {
	counts := make(map[string]int)
	for _, e := range endpoints() {
		if n := e.InFlight(); n != 0 {
			counts[e.Address()] += n
		}
	}
	return counts
}

// endpoints returns the endpoints of all pools.
func endpoints() (all []*endpoint.Endpoint) {
	endpoint.Each(func(_ string, p *endpoint.Pool) bool {
		all = append(all, p.Endpoints()...)
		return true
	})
	return all
}

// expectInFlight waits until the counts are as given. It waits because the end of a request reaches
// its client a moment before or after it reaches the counts.
func expectInFlight(t *testing.T, want map[string]int) {
	t.Helper()
	for deadline := time.Now().Add(waitLimit); !maps.Equal(inFlight(), want); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in flight: %v, want %v", inFlight(), want)
		}
	}
}

// leakCheck compares what exists before and after a test: pools, requests in flight and goroutines.
type leakCheck struct {
	t     *testing.T
	older goleak.Option
	left  map[*endpoint.Pool]bool // left by an earlier test, which has failed because of them
	pools map[*endpoint.Pool]string
	known map[*endpoint.Endpoint]bool
}

// newLeakCheck is called before the config is loaded.
func newLeakCheck(t *testing.T) *leakCheck {
	l := &leakCheck{t: t, older: goleak.IgnoreCurrent(), left: make(map[*endpoint.Pool]bool)}
	endpoint.Each(func(_ string, p *endpoint.Pool) bool {
		l.left[p] = true
		return true
	})
	return l
}

// nothingInFlight is called at the end of the test, while the config is still loaded.
func (l *leakCheck) nothingInFlight() {
	l.pools = make(map[*endpoint.Pool]string)
	l.known = make(map[*endpoint.Endpoint]bool)
	endpoint.Each(func(name string, p *endpoint.Pool) bool {
		l.pools[p] = name
		for _, e := range p.Endpoints() {
			l.known[e] = true
		}
		return true
	})
	l.await("in flight", l.countsAreZero)
}

// countsAreZero returns an error if a pool or an endpoint still counts a request.
func (l *leakCheck) countsAreZero() error {
	for p, name := range l.pools {
		if n := p.InFlight(); n != 0 {
			return fmt.Errorf("pool %q has %d requests in flight", name, n)
		}
		if gate := &p.Limits().Gate; gate.InFlight() != 0 || waitingAt(gate) != 0 {
			return fmt.Errorf("pool %q has let %d requests in, and %d wait", name, gate.InFlight(), waitingAt(gate))
		}
	}
	for e := range l.known {
		waiting := e.Load.Waiting()
		if n := e.InFlight(); n != 0 || waiting != 0 {
			return fmt.Errorf("%s has %d requests in flight, %d of them waiting", e.Address(), n, waiting)
		}
		var totals endpoint.Totals
		if e.AddTotals(&totals); totals.Picks != totals.Attempts() {
			return fmt.Errorf("%s was picked %d times, and %d attempts were counted", e.Address(), totals.Picks, totals.Attempts())
		}
	}
	return nil
}

// nothingLeft is called when Caddy has stopped. Requests, pools and goroutines must end soon after.
func (l *leakCheck) nothingLeft() {
	l.await("counts", l.countsAreZero)
	l.await("pools", func() (err error) {
		endpoint.Each(func(name string, p *endpoint.Pool) bool {
			if !l.left[p] {
				err = fmt.Errorf("pool %q is left", name)
			}
			return err == nil
		})
		return err
	})
	l.await("goroutines", func() error { return goleak.Find(append(notOurs, l.older)...) })
}

const reverseProxy = "github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

// notOurs are goroutines that outlive Caddy without being a leak: those of backends, and those that
// Caddy and its libraries start once in a process.
var notOurs = []goleak.Option{
	goleak.IgnoreAnyFunction("github.com/caddy-balance/caddy-balance/internal/traffic.(*backend).run"),
	goleak.IgnoreAnyFunction("github.com/caddyserver/certmagic.keepLockfileFresh"), // ends within 5 seconds
	goleak.IgnoreAnyFunction(reverseProxy + ".(*Upstream).fillDynamicHost.func1.1"),
}

func (l *leakCheck) await(what string, check func() error) {
	l.t.Helper()
	for deadline := time.Now().Add(waitLimit); ; time.Sleep(5 * time.Millisecond) {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			l.t.Errorf("left after the test: %s: %v", what, err)
			return
		}
	}
}
