package e2e

import (
	"fmt"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"
)

func TestEtcdCompactedWhileDisconnected(t *testing.T) {
	e := startEtcd(t)
	c := startTestbed(t, e)
	e.link.disconnect()
	awaitFailures(t, 1)
	e.remove(c.backends[0].entry())
	c.join("b3")
	compact(t, e.Address)
	e.link.restore()
	c.expect(each(c.backends[1:]...))
	c.finish()
}

func TestEtcdLeaseExpires(t *testing.T) {
	e := startEtcd(t)
	c := startTestbed(t, e)
	lease, err := e.client.Grant(t.Context(), 2)
	if err != nil {
		t.Fatal(err)
	}
	b3 := startBackend(t, "b3")
	if _, err := e.client.Put(t.Context(), etcdPrefix+"leased", fmt.Sprintf("%q", b3.address), clientv3.WithLease(lease.ID)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the backend is listed", func() bool { return source().Entries == 4 })
	eventually(t, "its lease expires", func() bool { return source().Entries == 3 })
	c.expect(each(c.backends...))
	c.finish()
}
