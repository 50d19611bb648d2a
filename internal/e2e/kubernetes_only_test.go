package e2e

import (
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

func TestKubernetesAlone(t *testing.T) {
	build(t, servers.EtcdBinary, servers.KubeAPIServerBinary)
	inOwnNetwork(t, func(t *testing.T) {
		t.Run("versions that have expired", survivesExpiredVersions)
		t.Run("rights that are taken away", survivesLostRights)
		t.Run("the Service is deleted", believesDeletion)
	})
}

// survivesExpiredVersions takes the history away while the source is disconnected. A server that is
// started anew has none of it in its memory.
func survivesExpiredVersions(t *testing.T) {
	k := startKubernetes(t)
	c := startChain(t, k)
	k.line.cut()
	awaitFailures(t, 1)
	k.remove(c.backends[0].entry())
	c.join("b3")
	compact(t, k.Etcd.Address)
	k.Restart()
	k.line.heal()
	c.expect(each(c.backends[1:]...))
	c.finish()
}

// compact makes an etcd forget how it came to be as it is.
func compact(t *testing.T, address string) {
	t.Helper()
	client := etcdClient(t, address)
	now, err := client.Get(t.Context(), "any")
	if err == nil {
		_, err = client.Compact(t.Context(), now.Header.Revision, clientv3.WithCompactPhysical())
	}
	if err != nil {
		t.Fatal(err)
	}
}

func survivesLostRights(t *testing.T) {
	k := startKubernetes(t)
	c := startChain(t, k)
	k.revoke()
	k.line.cut() // a watch that has begun goes on without rights
	k.line.heal()
	eventually(t, "the source says what it lacks", func() bool { return logged.count("discovery failed", "forbidden") > 0 })
	awaitFailures(t, 1)
	c.expect(each(c.backends...))
	k.grant()
	c.join("b3")
	c.expect(each(c.backends...))
	c.finish()
}

func believesDeletion(t *testing.T) {
	k := startKubernetes(t)
	c := startChain(t, k)
	c.finish()
	k.delete("v1", "Service", "web")
	eventually(t, "the endpoints are gone", func() bool { return source().Entries == 0 })
	if n := logged.count("a loss is not believed"); n != 0 {
		t.Errorf("the deletion was doubted %d times", n)
	}
}
