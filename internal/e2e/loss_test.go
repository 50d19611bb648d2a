package e2e

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func confirmsALoss(t *testing.T, r registry) {
	c := startTestbed(t, r)
	r.(server).restartEmpty()
	awaitState(t, endpoint.SourceHeld)
	until := source().HeldUntil
	c.expect(each(c.backends...))
	eventually(t, "the loss is confirmed", func() bool { return source().Entries == 0 })
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

// recoversFromLostConnections registers a backend while all connections are black holes.
func recoversFromLostConnections(t *testing.T, r registry) {
	c := startTestbed(t, r)
	r.(server).registryLink().blackhole()
	c.join("b3")
	c.expect(each(c.backends[:3]...))
	awaitFailures(t, 1)
	r.(server).registryLink().restore()
	c.expect(each(c.backends...))
	c.finish()
}

func toleratesASlowRegistry(t *testing.T, r registry) {
	c := startTestbed(t, r)
	r.(server).registryLink().slow(300 * time.Millisecond)
	c.join("b3")
	c.expect(each(c.backends...))
	r.remove(c.backends[0].entry())
	c.expect(each(c.backends[1:]...))
	c.finish()
}
