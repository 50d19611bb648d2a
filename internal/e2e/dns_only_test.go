package e2e

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// NXDOMAIN is an answer, and empty. A server that has lost its zone gives none.
func TestDNSTellsNoSuchNameFromNoAnswer(t *testing.T) {
	d := startDNS(t)
	c := startChain(t, d)
	d.RestartBroken()
	awaitFailures(t, 3)
	c.expect(each(c.backends...))
	if s := source(); s.State != endpoint.SourceStale {
		t.Errorf("the source is %s without an answer", s.State)
	}
	c.finish()

	d.restartEmpty()
	awaitState(t, endpoint.SourceHeld)
	eventually(t, "the loss is believed", func() bool { return source().Entries == 0 })
}

func TestDNSAsksAgainOverTCP(t *testing.T) {
	d := startDNS(t)
	startProxy(t, d)
	crowd := startCrowd(t, 200) // 3 KB, more than a datagram may have
	d.put(crowd.entries()...)
	eventually(t, "all have arrived", func() bool { return source().Entries == len(crowd.addresses) })
	if d.line.everAccepted() == 0 {
		t.Error("a large answer came over UDP")
	}
}
