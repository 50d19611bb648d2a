package endpoint

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

// forget makes a pool forget what it may forget. Any release does.
func forget(p *Pool) { p.release(nil) }

func known(p *Pool, address string) bool { return p.endpoints[address] != nil }

func TestADepartedEndpointIsForgottenWhenItsLastRequestHasEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := acquire(t, 1, t.Name(), "")
		defer c.Release()
		c.Roster.Replace(infos("a:1"))
		a := c.Roster.Snapshot().Find("a:1").Endpoint
		a.Reserve(0)
		c.Roster.Replace(infos("b:1"))
		time.Sleep(departedKept + time.Second)
		if forget(c.Pool); !known(c.Pool, "a:1") {
			t.Error("an endpoint with a request in flight is forgotten")
		}
		a.Release()
		time.Sleep(departedKept + time.Second)
		if forget(c.Pool); known(c.Pool, "a:1") {
			t.Error("an idle endpoint that left long ago is still known")
		}
	})
}

func TestAnEndpointThatCameBackIsNotForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := acquire(t, 1, t.Name(), "")
		defer c.Release()
		for range 3 {
			c.Roster.Replace(infos("b:1"))
			c.Roster.Replace(infos("a:1"))
		}
		time.Sleep(departedKept + time.Second)
		if forget(c.Pool); !known(c.Pool, "a:1") || known(c.Pool, "b:1") {
			t.Error("the listed endpoint is forgotten, or the departed one is not")
		}
		c.Roster.Replace(infos("b:1"))
		if len(c.Pool.departed) != 1 {
			t.Errorf("%d endpoints are in the queue; one has left", len(c.Pool.departed))
		}
	})
}

func TestTheNumberOfDepartedEndpointsIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := acquire(t, 1, t.Name(), "")
		defer c.Release()
		c.Roster.Replace(infos("a:1"))
		a := c.Roster.Snapshot().Find("a:1").Endpoint
		a.Reserve(0)
		for i := range 3 * maxDeparted / 100 {
			var all []string
			for j := range 100 {
				all = append(all, fmt.Sprintf("h%d-%d:1", i, j))
			}
			c.Roster.Replace(infos(all...))
		}
		if n := len(c.Pool.endpoints); n > maxDeparted+100 || len(c.Pool.departed) > maxDeparted {
			t.Errorf("%d endpoints are known, %d of them departed", n, len(c.Pool.departed))
		}
		if !known(c.Pool, "a:1") || !known(c.Pool, "h200-0:1") || known(c.Pool, "h0-0:1") {
			t.Error("the one with a request in flight is forgotten, or not the oldest")
		}
		a.Release()
	})
}

// Another process may come back at the address. No prober need be there to forget the advice.
func TestAdviceIsForgottenWhenTheLastListDropsTheEndpoint(t *testing.T) {
	drain, limit := AdvisedDrain, 7
	c := acquire(t, 1, t.Name(), "one")
	defer c.Release()
	c.Roster.Replace(infos("a:1", "b:1"))
	b := c.Roster.Snapshot().Find("b:1").Endpoint
	b.Advise(Advice{Mode: &drain, MaxRequests: &limit})
	other := acquire(t, 2, t.Name(), "two")
	c.Roster.Replace(infos("a:1"))
	if !b.Is(DrainRequested) {
		t.Error("the advice is forgotten although another config lists the endpoint")
	}
	other.Release()
	c.Roster.Replace(infos("a:1", "b:1"))
	again := c.Roster.Snapshot().Find("b:1").Endpoint
	if again != b || b.Is(DrainRequested) || b.Advice() != (Advice{}) {
		t.Errorf("the endpoint came back with %+v and conditions %b", b.Advice(), b.Conditions())
	}
}
