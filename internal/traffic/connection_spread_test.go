package traffic

import (
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
)

// serversBehind are servers behind one address. Each connection goes to the next of them.
type serversBehind struct {
	count  atomic.Int64
	next   atomic.Int64
	byConn sync.Map // the server of a connection, by the address of its other end
	served [2]atomic.Int64
}

func (s *serversBehind) answer(b *backend, w http.ResponseWriter, r *http.Request) {
	server, known := s.byConn.Load(r.RemoteAddr)
	if !known {
		server, _ = s.byConn.LoadOrStore(r.RemoteAddr, s.next.Add(1)%s.count.Load())
	}
	s.served[server.(int64)].Add(1)
	writeName(b, w, r)
}

func TestAServerThatIsAddedBehindAnAddressGetsRequests(t *testing.T) {
	for name, transport := range map[string]string{"HTTP/1": "", "h2c": "versions h2c 2"} {
		t.Run(name, func(t *testing.T) {
			servers := new(serversBehind)
			servers.count.Store(1)
			fleet := startBackends(t, 1, servers.answer)
			p := startProxy(t, poolWith(staticEndpoints(fleet, "")+"\nmax_age 1s", "transport http {\n"+transport+"\n}"))
			load := startLoad(t, p)
			load.awaitDone(t, 500)
			servers.count.Store(2)
			eventually(t, "the added server gets requests", func() bool {
				load.awaitDone(t, 100)
				return servers.served[1].Load() >= 1000
			})
			if failed := load.stopAndCount(t); failed > 0 {
				t.Errorf("%d requests failed", failed)
			}
			t.Logf("the servers had %d and %d requests", servers.served[0].Load(), servers.served[1].Load())
		})
	}
}
