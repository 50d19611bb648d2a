package lbpolicy

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

const (
	tau     = attempt.DefaultDecay
	penalty = defaultErrorPenalty
)

// fleet is a few endpoints with a history of answers, and the present instant.
type fleet struct {
	members []endpoint.Member
	now     load.Instant
	picker  bandPicker
	table   *load.Routes
	route   *load.Route
}

// newFleet returns endpoints that have all answered in 10 ms until now.
func newFleet(t *testing.T, weights ...int) *fleet {
	roster, release := endpoint.AcquireStatic()
	t.Cleanup(release)
	infos := make([]listing.Info, len(weights))
	for i, w := range weights {
		infos[i] = listing.Info{Address: fmt.Sprintf("%s-%d:1", t.Name(), i), Weight: w}
	}
	roster.Replace(infos)
	f := &fleet{members: roster.Snapshot().Members, table: new(load.Routes)}
	key := load.TextKey("route")
	f.route = f.table.Find(&key, f.now)
	for i := range f.members {
		f.answers(i, 100, 10*time.Millisecond)
	}
	f.picker = newLeastCost(f.members, tau, penalty)
	return f
}

func (f *fleet) answers(i, n int, latency time.Duration) {
	f.results(i, n, latency, load.Answered)
}

func (f *fleet) results(i, n int, latency time.Duration, result load.Result) {
	l := &f.members[i].Load
	for range n {
		var r load.Request
		l.Begin(&r, f.table, f.route, false, f.now-load.Instant(latency))
		l.Conclude(&r, f.now, result, tau)
		l.End(&r, f.now, tau)
	}
}

// sends makes n requests wait at an endpoint, now and then.
func (f *fleet) sends(i, n int) {
	for range n {
		f.members[i].Load.Begin(new(load.Request), f.table, f.route, false, f.now)
	}
}

// pass lets time pass, in which all endpoints except one answer in 10 ms.
func (f *fleet) pass(d time.Duration, except int) {
	f.now += load.Instant(d)
	for i := range f.members {
		if i != except {
			f.answers(i, 100, 10*time.Millisecond)
		}
	}
}

// picks counts the endpoints of the next n requests, each of which ends at once.
func (f *fleet) picks(n int) []int {
	counts := make([]int, len(f.members))
	for range n {
		counts[f.picker.pick(candidates{members: f.members, now: f.now})]++
	}
	return counts
}

func TestIdleEndpointsShareByWeight(t *testing.T) {
	got := newFleet(t, 1, 2, 5).picks(8000)
	for i, want := range []int{1000, 2000, 5000} {
		if got[i] < want*8/10 || got[i] > want*12/10 {
			t.Errorf("got %v", got)
		}
	}
}

func TestBusyEndpointsShareRequestsInFlightByWeight(t *testing.T) {
	f := newFleet(t, 1, 2, 5)
	for range 800 {
		i := f.picker.pick(candidates{members: f.members, now: f.now})
		f.members[i].Reserve(0)
		defer f.members[i].Release()
	}
	for i, want := range []int{100, 200, 500} {
		if n := f.members[i].InFlight(); n < want-2 || n > want+2 {
			t.Errorf("member %d has %d in flight, want %d", i, n, want)
		}
	}
}

func TestAHungEndpointIsNoticedBeforeAnythingCompletes(t *testing.T) {
	f := newFleet(t, 1, 1, 1)
	f.sends(1, 3)
	f.pass(200*time.Millisecond, 1)
	if got := f.picks(300); got[1] > 0 {
		t.Errorf("after 200ms without an answer the endpoint gets %d of 300", got[1])
	}
}

func TestAFailingEndpointIsTriedAgainAfterADecay(t *testing.T) {
	f := newFleet(t, 1, 1, 1)
	f.results(1, 2, time.Millisecond, load.Failed)
	f.pass(tau/4, 1)
	if got := f.picks(300); got[1] > 0 {
		t.Errorf("soon after two failures in a row the endpoint gets %d of 300", got[1])
	}
	f.pass(tau, 1)
	if got := f.picks(300); got[1] == 0 {
		t.Error("a decay after its failures the endpoint gets nothing")
	}
}

func TestASlowEndpointIsTriedAgainEvenIfOthersAreIdle(t *testing.T) {
	f := newFleet(t, 1, 1, 1)
	f.answers(1, 100, 2*time.Second)
	f.pass(time.Second, 1)
	if got := f.picks(300); got[1] > 0 {
		t.Errorf("the slow endpoint gets %d of 300", got[1])
	}
	f.pass(3*tau, 1)
	if got := f.picks(300); got[1] == 0 {
		t.Error("after three decays the slow endpoint gets nothing")
	}
}

func TestAnUnknownEndpointIsTriedAndNotFlooded(t *testing.T) {
	f := newFleet(t, 1, 1, 1)
	f.pass(3*tau, 1) // its answers are forgotten by then
	for range 40 {   // without any answer
		i := f.picker.pick(candidates{members: f.members, now: f.now})
		f.members[i].Reserve(0)
		defer f.members[i].Release()
	}
	if n := f.members[1].InFlight(); n < 1 || n > 5 {
		t.Errorf("of 40 in flight the unknown endpoint has %d", n)
	}
}

func TestASampleFindsTheFastHalf(t *testing.T) {
	f := newFleet(t, make([]int, 300)...)
	for i := range f.members {
		f.members[i].Weight = 1
	}
	for range 100 {
		for i := 0; i < len(f.members); i += 2 {
			f.answers(i, 1, time.Second)
			f.answers(i+1, 1, 10*time.Millisecond)
		}
	}
	f.picker = (&AdaptiveLatency{Decay: 1e10, ErrorPenalty: 5e9}).prepare(f.members)
	slow := 0
	for i, n := range f.picks(10000) {
		if i%2 == 0 {
			slow += n
		}
	}
	// Once in 256 times, all of a sample of 8 are slow.
	if slow > 120 || slow == 0 {
		t.Errorf("%d of 10000 went to the slow half; 39 are expected", slow)
	}
}
