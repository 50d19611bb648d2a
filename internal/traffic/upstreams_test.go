package traffic

import (
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
)

// dnsZone is a name server whose records a test changes.
type dnsZone struct {
	address string

	mu      sync.Mutex
	records []dns.RR
	broken  string // the name that it answers with an error
}

func startZone(t *testing.T) *dnsZone {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	z := &dnsZone{address: conn.LocalAddr().String()}
	server := &dns.Server{PacketConn: conn, Handler: z}
	done := make(chan struct{})
	go func() {
		defer close(done)
		server.ActivateAndServe()
	}()
	t.Cleanup(func() { server.Shutdown(); <-done })
	return z
}

func (z *dnsZone) ServeDNS(w dns.ResponseWriter, question *dns.Msg) {
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

// setRecords replaces the records by these lines of a zone file.
func (z *dnsZone) setRecords(t *testing.T, lines ...string) {
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

func (z *dnsZone) failFor(name string) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.broken = name
}

func srv(name string, b *backend) string {
	return fmt.Sprintf("%s 1 IN SRV 1 1 %s backend.test.", name, port(b))
}

func port(b *backend) string { return b.address[strings.LastIndex(b.address, ":")+1:] }

// site returns a site with a pool that asks one of Caddy's own modules. These cache their answers
// for all configs of a process, so each test has DNS names of its own.
func (z *dnsZone) site(module string) string {
	return fmt.Sprintf(`reverse_proxy {
		dynamic pool web {
			source upstreams {
				interval 100ms
				from %s
			}
		}
		%s
		transport http {
			resolvers %s
		}
	}`, module, roundRobin, z.address)
}

func TestAPoolFollowsCaddysSRVModuleAndSurvivesItsErrors(t *testing.T) {
	fleet := startBackends(t, 3)
	z := startZone(t)
	z.setRecords(t, srv("_srv._tcp.test.", fleet[0]), srv("_srv._tcp.test.", fleet[1]))
	site := z.site(fmt.Sprintf("srv _srv._tcp.test {\nresolvers %s\nrefresh 1ms\n}", z.address))
	p := startProxy(t, site)
	awaitBackends(t, p.client(), fleet[:2]...)
	z.setRecords(t, srv("_srv._tcp.test.", fleet[1]), srv("_srv._tcp.test.", fleet[2]))
	awaitBackends(t, p.client(), fleet[1:]...)
	if err := p.reload(site, "respond other"); err != nil {
		t.Fatal(err)
	}
	z.setRecords(t, srv("_srv._tcp.test.", fleet[1])) // a loss of both at once would need confirmation
	awaitBackends(t, p.client(), fleet[1])
	z.failFor("_srv._tcp.test.")
	eventually(t, "the log has the error", func() bool {
		return logged.Count("server misbehaving", `"pool":"web"`) > 0
	})
	awaitBackends(t, p.client(), fleet[1])
}

func TestAPoolFollowsCaddysAModule(t *testing.T) {
	fleet := startBackends(t, 1)
	z := startZone(t)
	z.setRecords(t, "a.test. 1 IN A 127.0.0.1")
	p := startProxy(t, z.site(fmt.Sprintf("a a.test %s {\nresolvers %s\nversions ipv4\n}", port(fleet[0]), z.address)))
	awaitBackends(t, p.client(), fleet...)
}

func TestAPoolFollowsCaddysMultiModule(t *testing.T) {
	fleet := startBackends(t, 2)
	z := startZone(t)
	z.setRecords(t, srv("_multi._tcp.test.", fleet[0]), "multi.test. 1 IN A 127.0.0.1")
	p := startProxy(t, z.site(fmt.Sprintf(`multi {
		srv _multi._tcp.test {
			resolvers %s
		}
		a multi.test %s {
			resolvers %[1]s
			versions ipv4
		}
	}`, z.address, port(fleet[1]))))
	awaitBackends(t, p.client(), fleet...)
}
