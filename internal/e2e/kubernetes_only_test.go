package e2e

import (
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

func TestKubernetesAlone(t *testing.T) {
	build(t, servers.EtcdBinary, servers.KubeAPIServerBinary)
	inNetworkNamespace(t, func(t *testing.T) {
		t.Run("versions that have expired", survivesExpiredVersions)
		t.Run("permissions that are revoked", survivesRevokedPermissions)
		t.Run("the Service is deleted", confirmsADeletionAtOnce)
	})
}

// survivesExpiredVersions removes the history while the source is disconnected. The API server
// restarts because it has history in its memory too.
func survivesExpiredVersions(t *testing.T) {
	k := startKubernetes(t)
	c := startTestbed(t, k)
	k.link.disconnect()
	awaitFailures(t, 1)
	k.remove(c.backends[0].entry())
	c.join("b3")
	compact(t, k.Etcd.Address)
	k.Restart()
	k.link.restore()
	c.expect(each(c.backends[1:]...))
	c.finish()
}

// compact removes the history of an etcd.
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

func survivesRevokedPermissions(t *testing.T) {
	k := startKubernetes(t)
	c := startTestbed(t, k)
	k.revoke()
	k.link.disconnect() // a watch that is running goes on without permission
	k.link.restore()
	eventually(t, "the log reports the missing permission", func() bool { return logged.Count("discovery failed", "forbidden") > 0 })
	awaitFailures(t, 1)
	c.expect(each(c.backends...))
	k.grant()
	c.join("b3")
	c.expect(each(c.backends...))
	c.finish()
}

func confirmsADeletionAtOnce(t *testing.T) {
	k := startKubernetes(t)
	c := startTestbed(t, k)
	c.finish()
	k.delete("v1", "Service", "web")
	eventually(t, "the endpoints are gone", func() bool { return source().Entries == 0 })
	if n := logged.Count("loss"); n != 0 {
		t.Errorf("the log has %d lines about a loss that needs confirmation", n)
	}
}
