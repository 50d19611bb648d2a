package e2e

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func doubtsEmptiness(t *testing.T, r registry) {
	c := startChain(t, r)
	r.(server).restartEmpty()
	awaitState(t, endpoint.SourceHeld)
	until := source().HeldUntil
	c.expect(each(c.backends...))
	eventually(t, "the loss is believed", func() bool { return source().Entries == 0 })
	c.next(5 * workers)
	switch n, first := c.failures(); {
	case n == 0:
		t.Error("an empty pool serves")
	case first.when.Before(until):
		t.Errorf("a request failed %s before the end of the grace: %s", until.Sub(first.when), first.what)
	}
	for _, b := range c.backends {
		r.put(b.entry())
	}
	c.expect(each(c.backends...))
}

// getsOverLostConnections registers a backend while nothing comes through.
func getsOverLostConnections(t *testing.T, r registry) {
	c := startChain(t, r)
	r.(server).between().lose()
	c.join("b3")
	c.expect(each(c.backends[:3]...))
	awaitFailures(t, 1)
	r.(server).between().heal()
	c.expect(each(c.backends...))
	c.finish()
}

func bearsSlowness(t *testing.T, r registry) {
	c := startChain(t, r)
	r.(server).between().slow(300 * time.Millisecond)
	c.join("b3")
	c.expect(each(c.backends...))
	r.remove(c.backends[0].entry())
	c.expect(each(c.backends[1:]...))
	c.finish()
}
