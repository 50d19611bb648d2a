package traffic

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// startNames runs a name server until the test ends. It knows the IPv4 addresses of some names.
func startNames(t *testing.T, names map[string][]string) (address string) {
	t.Helper()
	packets, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started, ended := make(chan struct{}), make(chan struct{})
	server := &dns.Server{PacketConn: packets, NotifyStartedFunc: func() { close(started) }}
	server.Handler = dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		reply := new(dns.Msg).SetReply(query)
		for _, ip := range names[strings.TrimSuffix(query.Question[0].Name, ".")] {
			if query.Question[0].Qtype == dns.TypeA {
				header := dns.RR_Header{Name: query.Question[0].Name, Rrtype: dns.TypeA, Class: dns.ClassINET}
				reply.Answer = append(reply.Answer, &dns.A{Hdr: header, A: net.ParseIP(ip)})
			}
		}
		_ = w.WriteMsg(reply)
	})
	go func() { defer close(ended); _ = server.ActivateAndServe() }()
	receive(t, started)
	t.Cleanup(func() { _ = server.Shutdown(); <-ended })
	return packets.LocalAddr().String()
}

// registerAs registers an address in the pool of the test.
func (p *proxy) registerAs(id, address string) (answer, error) {
	return p.callAdmin(http.MethodPut, "/pools/web/endpoints/"+id, fmt.Sprintf(`{"address": %q}`, address))
}

func TestAHostNameIsJudgedByWhatItResolvesTo(t *testing.T) {
	fleet := startBackends(t, 1)
	_, port, err := net.SplitHostPort(fleet[0].address)
	if err != nil {
		t.Fatal(err)
	}
	own := caddytest.FreeAddress(t)
	_, ownPort, err := net.SplitHostPort(own)
	if err != nil {
		t.Fatal(err)
	}
	resolver := startNames(t, map[string][]string{
		"good.test": {"127.0.0.1"}, "mixed.test": {"169.254.169.254", "127.0.0.1"}, "bad.test": {"169.254.169.254"},
		"zero.test": {"0.0.0.0"}, "local.test": {"169.254.1.1"}, "self.test": {"127.0.0.1"},
	})
	p := startProxyText(t, func(p *proxy) string {
		site := "reverse_proxy {\ndynamic pool web {\nsource registry\n}\ntransport http {\nresolvers " + resolver + "\n}\n}"
		return fmt.Sprintf("http:// {\nbind unix/%s\n%s\n}\nhttp://%s {\nbind 127.0.0.1\n%[2]s\n}\n", p.SiteSocket(0), site, own)
	})
	c := p.client()
	loop := expectStatus(t, http.StatusBadRequest)(p.registerAs("one", own))
	if !strings.Contains(loop.body, own+" is a listener of this Caddy") {
		t.Errorf("got %s", loop.body)
	}
	for _, target := range []struct{ name, port, refusal string }{
		{"good.test", port, ""},
		{"mixed.test", port, ""},
		{"bad.test", port, "bad.test resolves to a refused address: 169.254.169.254 is the address of a metadata service"},
		{"zero.test", port, "zero.test resolves to a refused address: 0.0.0.0 is an address to listen on"},
		{"local.test", port, "local.test resolves to a refused address: 169.254.1.1 is link-local"},
		{"self.test", ownPort, "self.test resolves to a refused address: " + own + " is a listener of this Caddy"},
	} {
		t.Run(target.name, func(t *testing.T) {
			expectStatus(t, http.StatusCreated)(p.registerAs("one", target.name+":"+target.port))
			eventually(t, "it is in the pool", func() bool { return logged.Count("pool changed", "added", target.name) == 1 })
			if target.refusal == "" {
				expectOK(t)(c.get("/"))
			} else {
				expectStatus(t, http.StatusBadGateway)(c.get("/"))
				if logged.Count(target.refusal) == 0 {
					t.Errorf("no line with %q", target.refusal)
				}
			}
			expectStatus(t, http.StatusNoContent)(p.callAdmin(http.MethodDelete, "/pools/web/endpoints/one", ""))
			eventually(t, "it is out of the pool", func() bool { return logged.Count("pool changed", "removed", target.name) == 1 })
		})
	}
}

// The other transports resolve names themselves, with the resolver of the machine.
func TestEveryTransportJudgesHostNames(t *testing.T) {
	cert := caddytest.NewCertificate(t)
	for name, c := range map[string]struct{ transport, refusal string }{
		"http":            {"", "localhost resolves to a refused address: "},
		"TLS":             {"transport http {\ntls_insecure_skip_verify\n}", "localhost resolves to a refused address: "},
		"TLS by a name":   {"transport http {\ntls_insecure_skip_verify\ntls_server_name {host}\n}", "localhost resolves to a refused address: "},
		"PROXY protocol":  {"transport http {\nproxy_protocol v2\n}", "localhost resolves to a refused address: "},
		"h2c":             {"transport http {\nversions h2c\n}", "localhost resolves to a refused address: "},
		"FastCGI":         {"transport fastcgi", "localhost resolves to a refused address: "},
		"HTTP/3":          {"transport http {\nversions 3\ntls_insecure_skip_verify\n}", "localhost is a host name, whose addresses cannot be judged over HTTP/3"},
		"least_conn":      {"lb_policy least_conn", "localhost resolves to a refused address: "},
		"a forward proxy": {"transport http {\nnetwork_proxy url http://" + caddytest.FreeAddress(t) + "\n}", "connection refused"},
	} {
		t.Run(name, func(t *testing.T) {
			serve := serveFunc(serveHTTP)
			if strings.Contains(c.transport, "tls") {
				serve = serveTLS(cert)
			}
			b := startBackendsWith(t, 1, serve, writeName)[0]
			_, port, err := net.SplitHostPort(b.address)
			if err != nil {
				t.Fatal(err)
			}
			p := startProxy(t, fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource registry\ndeny 127.0.0.0/8 ::1\n}\n%s\n}", c.transport))
			expectStatus(t, http.StatusCreated)(p.registerAs("one", "localhost:"+port))
			eventually(t, "it is in the pool", func() bool { return logged.Count("pool changed", "added") == 1 })
			expectStatus(t, http.StatusBadGateway)(p.client().get("/"))
			if logged.Count(c.refusal) == 0 {
				t.Errorf("no line with %q", c.refusal)
			}
			if n := b.hits.Load(); n > 0 {
				t.Errorf("the backend got %d requests", n)
			}
		})
	}
}

func TestARegistrationThatThePoolRefusesIsAnsweredWithTheReason(t *testing.T) {
	p := startProxy(t, "reverse_proxy {\ndynamic pool web {\nsource registry\ndeny 10.1.0.0/16\n}\n}")
	for address, want := range map[string]string{
		"10.1.0.7:80":                    "address: 10.1.0.7 is in 10.1.0.0/16, which the pool denies",
		"unix/" + p.AdminSocket():        "is a unix socket; expected TCP, unless the pool has allow unix",
		"169.254.169.254:80":             "address: 169.254.169.254 is the address of a metadata service",
		"0.0.0.0:80":                     "0.0.0.0 is an address to listen on",
		"udp/10.0.0.7:80":                "network udp carries no requests",
		"[fe80::1%eth0]:80":              "fe80::1 is link-local, which takes allow with a network in fe80::/10",
		"unix/" + p.SiteSocket(0) + "/x": "is a unix socket",
	} {
		a := expectStatus(t, http.StatusBadRequest)(p.registerAs("one", address))
		if !strings.Contains(a.body, want) {
			t.Errorf("%s: got %s; want %s", address, a.body, want)
		}
	}
	expectStatus(t, http.StatusCreated)(p.registerAs("one", "10.0.0.7:80"))
	if err := p.Reload(p.Adapt(p.text("reverse_proxy {\ndynamic pool web {\nsource registry\nallow unix\n}\n}"))); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		p.AdminSocket(): "is the admin endpoint of this Caddy", p.SiteSocket(0): "is a listener of this Caddy",
	} {
		a := expectStatus(t, http.StatusBadRequest)(p.registerAs("one", "unix/"+path))
		if !strings.Contains(a.body, want) {
			t.Errorf("got %s; want %s", a.body, want)
		}
	}
	expectStatus(t, http.StatusOK)(p.registerAs("one", "unix//run/app.sock"))
}
