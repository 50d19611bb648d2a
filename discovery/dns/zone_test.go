package dns

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// patient is the timeout where all questions get an answer.
const patient = caddy.Duration(sourcetest.Patience)

// zone is an authoritative server on loopback, over UDP and TCP. Its records can change at any
// time.
type zone struct {
	t         *testing.T
	address   string
	refuseTCP func()

	mu      sync.Mutex
	records []dns.RR
	fault   func(w dns.ResponseWriter, query, reply *dns.Msg) (handled bool)
	asked   []string // as in "web.test. A udp"
}

// serve starts a server of the zones test and example.
func serve(t *testing.T, records ...string) *zone {
	t.Helper()
	z := &zone{t: t}
	z.set(records...)
	packets, stream := listenBoth(t)
	z.address = packets.LocalAddr().String()
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: z}, {Listener: stream, Handler: z}} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		done := make(chan struct{})
		go func() { defer close(done); _ = server.ActivateAndServe() }()
		<-started
		stop := sync.OnceFunc(func() { _ = server.Shutdown(); <-done })
		t.Cleanup(stop)
		z.refuseTCP = stop // of the last one, which is that of TCP
	}
	return z
}

// listenBoth finds a port that is free for UDP and TCP.
func listenBoth(t *testing.T) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 20 {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		if stream, err := net.Listen("tcp", packets.LocalAddr().String()); err == nil {
			return packets, stream
		}
		packets.Close()
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil, nil
}

func (z *zone) set(records ...string) {
	z.t.Helper()
	parsed := make([]dns.RR, len(records))
	for i, text := range records {
		var err error
		if parsed[i], err = dns.NewRR(text); err != nil {
			z.t.Fatal(err)
		}
	}
	z.mu.Lock()
	defer z.mu.Unlock()
	z.records = parsed
}

func (z *zone) fail(fault func(w dns.ResponseWriter, query, reply *dns.Msg) bool) {
	z.mu.Lock()
	defer z.mu.Unlock()
	z.fault = fault
}

// failWith answers every question with the response code.
func (z *zone) failWith(rcode int) {
	z.fail(func(_ dns.ResponseWriter, _, reply *dns.Msg) bool {
		reply.Rcode, reply.Answer = rcode, nil
		return false
	})
}

func (z *zone) questions() string {
	z.mu.Lock()
	defer z.mu.Unlock()
	all := strings.Join(z.asked, ", ")
	z.asked = nil
	return all
}

// ServeDNS answers as an authoritative server does. It follows aliases inside of the zone of the
// name, puts the addresses of targets into the additional section, and truncates the answer to the
// size that the client accepts.
func (z *zone) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	question := query.Question[0]
	network := w.LocalAddr().Network()
	z.mu.Lock()
	z.asked = append(z.asked, question.Name+" "+dns.TypeToString[question.Qtype]+" "+network)
	fault, reply := z.fault, z.reply(query)
	z.mu.Unlock()
	size := dns.MaxMsgSize
	if network == "udp" {
		size = dns.MinMsgSize
		if opt := query.IsEdns0(); opt != nil {
			size = int(opt.UDPSize())
		}
	}
	reply.Truncate(size)
	if fault != nil && fault(w, query, reply) {
		return
	}
	_ = w.WriteMsg(reply)
}

func (z *zone) reply(query *dns.Msg) *dns.Msg {
	reply := new(dns.Msg).SetReply(query)
	reply.Authoritative = true
	name, kind := query.Question[0].Name, query.Question[0].Qtype
	found := false
	for range 40 {
		var alias string
		for _, record := range z.of(name) {
			switch r := record.(type) {
			case *dns.CNAME:
				alias = r.Target
			default:
				if r.Header().Rrtype != kind {
					continue
				}
				found = true
			}
			reply.Answer = append(reply.Answer, record)
		}
		if alias == "" || !strings.HasSuffix(alias, zoneOf(name)) {
			z.complete(reply, name, found || alias != "")
			break
		}
		name = alias
	}
	return reply
}

// complete adds the addresses of targets, or the SOA record of a negative answer.
func (z *zone) complete(reply *dns.Msg, name string, found bool) {
	for _, record := range reply.Answer {
		if srv, ok := record.(*dns.SRV); ok {
			reply.Extra = append(reply.Extra, z.of(srv.Target)...)
		}
	}
	if !found {
		reply.Ns = z.of(zoneOf(name))
	}
	if len(z.of(name)) == 0 {
		reply.Rcode = dns.RcodeNameError
	}
}

func (z *zone) of(name string) (found []dns.RR) {
	for _, record := range z.records {
		if strings.EqualFold(record.Header().Name, name) {
			found = append(found, record)
		}
	}
	return found
}

// zoneOf is the last label of a name.
func zoneOf(name string) string {
	return name[strings.LastIndex(strings.TrimSuffix(name, "."), ".")+1:]
}

// ofSilence is the timeout where some questions get no answer. The others get theirs in far less,
// also on a busy machine.
const ofSilence = caddy.Duration(time.Second)

// source returns a source that asks the zone. Its timeout is longer than any answer takes.
func (z *zone) source(kind, name string) *Source {
	s := &Source{Type: kind, Name: name, Resolvers: []string{z.address}, Timeout: patient}
	withoutRoutesTo(s) // the machine of the test may have none for IPv6
	if kind == "a" {
		s.Port = 80
	}
	return s
}

// look provisions a source and looks up once.
func look(t *testing.T, s *Source) (discovery.Answer, uint32, error) {
	t.Helper()
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	return s.lookUp(context.Background(), func(discovery.Answer) { t.Error("reported something early") })
}

// wantLook looks up once and compares the endpoints as sourcetest.WantEndpoints does.
func wantLook(t *testing.T, s *Source, want ...string) discovery.Answer {
	t.Helper()
	answer, _, err := look(t, s)
	if err != nil {
		t.Fatal(err)
	}
	sourcetest.WantEndpoints(t, answer, want...)
	return answer
}
