package traffic

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// zone is a name server whose records change.
type zone struct {
	address string

	mu      sync.Mutex
	records []dns.RR
	broken  string // the name that it has an error for
}

func startZone(t *testing.T) *zone {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z := &zone{address: conn.LocalAddr().String()}
	server := &dns.Server{PacketConn: conn, Handler: z}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.ActivateAndServe()
	}()
	t.Cleanup(func() { server.Shutdown(); <-done })
	return z
}

func (z *zone) ServeDNS(w dns.ResponseWriter, question *dns.Msg) {
	z.mu.Lock()
	defer z.mu.Unlock()
	q, reply := question.Question[0], new(dns.Msg).SetReply(question)
	if q.Name == z.broken {
		reply.Rcode = dns.RcodeServerFailure
	}
	for _, r := range z.records {
		if q.Name != z.broken && r.Header().Name == q.Name && r.Header().Rrtype == q.Qtype {
			reply.Answer = append(reply.Answer, r)
		}
	}
	w.WriteMsg(reply)
}

// has makes these the records, in the form of a zone file.
func (z *zone) has(t *testing.T, lines ...string) {
	t.Helper()
	var records []dns.RR
	for _, line := range append(lines, "backend.test. 1 IN A 127.0.0.1") {
		record, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, record)
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records = records
}

func (z *zone) breaksFor(name string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.broken = name
}

func srv(name string, b *backend) string {
	return fmt.Sprintf("%s 1 IN SRV 1 1 %s backend.test.", name, port(b))
}

func port(b *backend) string { return b.address[strings.LastIndex(b.address, ":")+1:] }

// site has a pool that asks one of Caddy's own modules. These remember their answers for all
// configs of a process, so each test has names of its own.
func (z *zone) site(module string) string {
	return fmt.Sprintf(`reverse_proxy {
		dynamic pool web {
			source upstreams {
				interval 20ms
				from %s
			}
		}
		%s
		transport http {
			resolvers %s
		}
	}`, module, roundRobin, z.address)
}

func TestAPoolFollowsCaddysOwnSRVModuleAndSurvivesItsErrors(t *testing.T) {
	fleet := startBackends(t, 3)
	z := startZone(t)
	z.has(t, srv("_srv._tcp.test.", fleet[0]), srv("_srv._tcp.test.", fleet[1]))
	site := z.site(fmt.Sprintf("srv _srv._tcp.test {\nresolvers %s\nrefresh 1ms\n}", z.address))
	p := startProxy(t, site)
	settle(t, p.client(), fleet[:2]...)
	z.has(t, srv("_srv._tcp.test.", fleet[1]), srv("_srv._tcp.test.", fleet[2]))
	settle(t, p.client(), fleet[1:]...)
	if err := p.reload(site, "respond other"); err != nil {
		t.Fatal(err)
	}
	z.has(t, srv("_srv._tcp.test.", fleet[1])) // the loss of both at once would be doubted
	settle(t, p.client(), fleet[1])
	z.breaksFor("_srv._tcp.test.")
	eventually(t, "the log tells of the error", func() bool { return len(logged.with("server misbehaving", `"pool":"web"`)) > 0 })
	settle(t, p.client(), fleet[1])
}

func TestAPoolFollowsCaddysOwnAModule(t *testing.T) {
	fleet := startBackends(t, 1)
	z := startZone(t)
	z.has(t, "a.test. 1 IN A 127.0.0.1")
	p := startProxy(t, z.site(fmt.Sprintf("a a.test %s {\nresolvers %s\nversions ipv4\n}", port(fleet[0]), z.address)))
	settle(t, p.client(), fleet...)
}

func TestAPoolFollowsCaddysOwnMultiModule(t *testing.T) {
	fleet := startBackends(t, 2)
	z := startZone(t)
	z.has(t, srv("_multi._tcp.test.", fleet[0]), "multi.test. 1 IN A 127.0.0.1")
	p := startProxy(t, z.site(fmt.Sprintf("multi {\nsrv _multi._tcp.test {\nresolvers %s\n}\na multi.test %s {\nresolvers %[1]s\nversions ipv4\n}\n}", z.address, port(fleet[1]))))
	settle(t, p.client(), fleet...)
}
