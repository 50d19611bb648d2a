package e2e

import (
	"net/http"
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

// A firewall often lets port 53 pass for UDP only.
func TestDNSServesThePartThatCameIfTCPFails(t *testing.T) {
	d := startDNS(t)
	d.link.refuseTCP()
	manyBackends := startManyBackends(t, 200)
	d.put(manyBackends.entries()...)
	p := startProxy(t, d)
	eventually(t, "a part is there", func() bool { return source().Entries > 0 })
	if n := source().Entries; n < 20 || n > 190 {
		t.Errorf("the part has %d endpoints", n)
	}
	res, err := p.siteClient().Get("http://site/")
	if err != nil || res.StatusCode != http.StatusOK {
		t.Errorf("got %v, %v", res, err)
	}
	awaitFailures(t, 2)

	d.link.restore()
	eventually(t, "all have arrived", func() bool { return source().Entries == len(manyBackends.addresses) })
	d.link.refuseTCP()
	awaitFailures(t, 2)
	if n := source().Entries; n != len(manyBackends.addresses) {
		t.Errorf("without TCP %d endpoints are left of the whole list", n)
	}
}
