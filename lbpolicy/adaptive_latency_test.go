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
	penalty = attempt.DefaultErrorPenalty
)

// fleet is a few endpoints with the answers they gave, and what time it is.
type fleet struct {
	members []endpoint.Member
	now     load.Instant
	picker  prepared
}

// newFleet has endpoints that all answered in 10 ms until now.
func newFleet(t *testing.T, weights ...int) *fleet {
	roster, release := endpoint.AcquireStatic()
	t.Cleanup(release)
	infos := make([]listing.Info, len(weights))
	for i, w := range weights {
		infos[i] = listing.Info{Address: fmt.Sprintf("%s-%d:1", t.Name(), i), Weight: w}
	}
	roster.Replace(infos)
	f := &fleet{members: roster.Snapshot().Members}
	for i := range f.members {
		f.answers(i, 100, 10*time.Millisecond)
	}
	f.picker = newLeastCost(f.members, tau, penalty)
	return f
}

func (f *fleet) answers(i, n int, latency time.Duration) {
	for range n {
		f.members[i].Load.Observe(f.now, latency, tau)
	}
}

// after lets time pass, in which all but one go on answering in 10 ms.
func (f *fleet) after(d time.Duration, but int) {
	f.now += load.Instant(d)
	for i := range f.members {
		if i != but {
			f.answers(i, 100, 10*time.Millisecond)
		}
	}
}

// picks counts who gets the next requests if each is over at once.
func (f *fleet) picks(n int) []int {
	counts := make([]int, len(f.members))
	for range n {
		counts[f.picker.pick(candidates{members: f.members, now: f.now})]++
	}
	return counts
}

func TestIdleEqualsShareByWeight(t *testing.T) {
	got := newFleet(t, 1, 2, 5).picks(8000)
	for i, want := range []int{1000, 2000, 5000} {
		if got[i] < want*8/10 || got[i] > want*12/10 {
			t.Errorf("got %v", got)
		}
	}
}

func TestBusyEndpointsShareTheRequestsInFlightByWeight(t *testing.T) {
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

func TestAHungEndpointIsSeenBeforeAnythingCompletes(t *testing.T) {
	f := newFleet(t, 1, 1, 1)
	f.members[1].Load.Begin(f.now)
	f.after(200*time.Millisecond, 1)
	if got := f.picks(300); got[1] > 0 {
		t.Errorf("after 200ms without an answer it gets %d of 300", got[1])
	}
}

func TestAFailureIsAvoidedForADecayAndThenLookedAt(t *testing.T) {
	f := newFleet(t, 1, 1, 1)
	f.members[1].Load.Fail(f.now, 1, tau)
	f.after(tau/2, 1)
	if got := f.picks(300); got[1] > 0 {
		t.Errorf("half a decay after a failure it gets %d of 300", got[1])
	}
	f.after(tau, 1)
	if got := f.picks(300); got[1] == 0 {
		t.Error("a decay and a half after its failure it gets nothing")
	}
}

func TestASlowEndpointIsLookedAtAgainEvenIfTheOthersAreIdle(t *testing.T) {
	f := newFleet(t, 1, 1, 1)
	f.answers(1, 100, 2*time.Second)
	f.after(time.Second, 1)
	if got := f.picks(300); got[1] > 0 {
		t.Errorf("the slow one gets %d of 300", got[1])
	}
	f.after(3*tau, 1)
	if got := f.picks(300); got[1] == 0 {
		t.Error("after three decays it gets nothing")
	}
}

func TestAnUnknownEndpointIsTriedAndNotFlooded(t *testing.T) {
	f := newFleet(t, 1, 1, 1)
	f.after(3*tau, 1) // that long ago is forgotten
	for range 40 {    // nobody answers
		i := f.picker.pick(candidates{members: f.members, now: f.now})
		f.members[i].Reserve(0)
		defer f.members[i].Release()
	}
	if n := f.members[1].InFlight(); n < 1 || n > 5 {
		t.Errorf("of 40 in flight the unknown one has %d", n)
	}
}

func TestASampleFindsTheFastHalf(t *testing.T) {
	f := newFleet(t, make([]int, 300)...)
	for i := range f.members {
		f.members[i].Weight = 1
		if i%2 == 0 {
			f.answers(i, 100, time.Second)
		}
	}
	f.picker = (&AdaptiveLatency{Decay: 1e10, ErrorPenalty: 5e9}).prepare(f.members)
	slow := 0
	for i, n := range f.picks(10000) {
		if i%2 == 0 {
			slow += n
		}
	}
	// A sample of 8 is all slow once in 256.
	if slow > 120 || slow == 0 {
		t.Errorf("%d of 10000 went to the slow half; 39 are to be expected", slow)
	}
}
