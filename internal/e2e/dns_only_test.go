package e2e

import (
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// NXDOMAIN is an answer with an empty list. A server that has lost its zone gives no answer.
func TestDNSDistinguishesNXDOMAINFromNoAnswer(t *testing.T) {
	d := startDNS(t)
	c := startTestbed(t, d)
	d.RestartBroken()
	awaitFailures(t, 3)
	c.expect(each(c.backends...))
	if s := source(); s.State != endpoint.SourceStale {
		t.Errorf("the source is %s without an answer", s.State)
	}
	c.finish()

	d.restartEmpty()
	awaitState(t, endpoint.SourceHeld)
	eventually(t, "the loss is confirmed", func() bool { return source().Entries == 0 })
}

func TestDNSRetriesALargeAnswerOverTCP(t *testing.T) {
	d := startDNS(t)
	startProxy(t, d)
	manyBackends := startManyBackends(t, 200) // 3 KB, more than a datagram may have
	d.put(manyBackends.entries()...)
	eventually(t, "all have arrived", func() bool { return source().Entries == len(manyBackends.addresses) })
	if d.link.totalAccepted() == 0 {
		t.Error("a large answer came over UDP")
	}
}

// A firewall often lets port 53 pass for UDP only. Knot sends no part of an answer that is too
// large.
func TestDNSKeepsTheListIfTCPFails(t *testing.T) {
	d := startDNS(t)
	startProxy(t, d)
	manyBackends := startManyBackends(t, 200)
	d.put(manyBackends.entries()...)
	eventually(t, "all have arrived", func() bool { return source().Entries == len(manyBackends.addresses) })
	d.link.refuseTCP()
	awaitFailures(t, 2)
	if s := source(); s.Entries != len(manyBackends.addresses) || !strings.Contains(s.LastError, "answer is truncated, and over TCP: ") {
		t.Errorf("without TCP %d endpoints are left, and the error is %s", s.Entries, s.LastError)
	}
	d.link.restore()
	awaitState(t, endpoint.SourceLive)
}
