package endpoint

import (
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
