package e2e

import (
	"encoding/json"
	"slices"
	"testing"

	clientv3 "go.etcd.io/etcd/client/v3"

	_ "github.com/caddy-balance/caddy-balance/discovery/etcd"
	"github.com/caddy-balance/caddy-balance/internal/e2e/servers"
)

// etcdRegistry stores endpoints below a prefix in etcd.
type etcdRegistry struct {
	t *testing.T
	*servers.Etcd
	client  *clientv3.Client
	link    *link
	options string // of the source
}

const etcdPrefix = "/services/web/"

func TestEtcd(t *testing.T) { runScenarios(t, startEtcd) }

func startEtcd(t *testing.T) *etcdRegistry {
	t.Helper()
	s := servers.StartEtcd(t)
	return &etcdRegistry{t: t, Etcd: s, client: etcdClient(t, s.Address), link: startLink(t, s.Address)}
}

func etcdClient(t *testing.T, address string) *clientv3.Client {
	t.Helper()
	client, err := clientv3.New(clientv3.Config{Endpoints: []string{"http://" + address}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client
}

func (e *etcdRegistry) source() string {
	return "etcd " + etcdPrefix + " {\nendpoints http://" + e.link.address + "\ntimeout 2s\n" + e.options + "\n}"
}

func (e *etcdRegistry) registryLink() *link { return e.link }
func (e *etcdRegistry) kill()               { e.Kill() }
func (e *etcdRegistry) restart()            { e.Restart() }
func (e *etcdRegistry) restartEmpty()       { e.RestartEmpty() }

func (e *etcdRegistry) put(entries ...entry) {
	var all []clientv3.Op
	for _, one := range entries {
		value, err := json.Marshal(one.fields())
		if err != nil {
			e.t.Fatal(err)
		}
		all = append(all, clientv3.OpPut(etcdPrefix+one.address, string(value)))
	}
	e.do(all)
}

func (e *etcdRegistry) remove(entries ...entry) {
	var all []clientv3.Op
	for _, one := range entries {
		all = append(all, clientv3.OpDelete(etcdPrefix+one.address))
	}
	e.do(all)
}

// do sends the operations in the largest transactions that etcd accepts.
func (e *etcdRegistry) do(all []clientv3.Op) {
	e.t.Helper()
	for batch := range slices.Chunk(all, 128) {
		if _, err := e.client.Txn(e.t.Context()).Then(batch...).Commit(); err != nil {
			e.t.Fatal(err)
		}
	}
}
