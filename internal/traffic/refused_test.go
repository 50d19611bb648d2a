package traffic

import (
	"fmt"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestARefusedConnectionGoesOnToAnotherEndpointWithoutRetries(t *testing.T) {
	for policy, line := range ourPolicies {
		for kind := range upstreamsOf(nil) {
			t.Run(policy+" with "+kind, func(t *testing.T) {
				fleet := startBackends(t, 4)
				c := startProxy(t, "reverse_proxy {\n"+upstreamsOf(fleet)[kind]+"\n"+line+"\n}").client()
				fleet[0].kill()
				fleet[3].kill()
				for i := range amount(40, 10) {
					expectOK(t)(c.get(fmt.Sprint("/", i)))
					expectOK(t)(c.send(http.MethodPost, fmt.Sprint("/", i), strings.NewReader("the body")))
				}
			})
		}
	}
}

func TestIfEveryConnectionIsRefusedTheAnswerIs502AndEachWasTriedOnce(t *testing.T) {
	fleet := startBackends(t, 3)
	for _, b := range fleet {
		b.kill()
	}
	for kind, upstreams := range upstreamsOf(fleet) {
		c := startProxy(t, fmt.Sprintf("reverse_proxy {\n%s\n%s\n}\nhandle_errors {\nrespond {http.reverse_proxy.retries}\n}",
			upstreams, roundRobin)).client()
		if a, err := c.get("/"); err != nil || a.status != http.StatusBadGateway || a.body != "2" {
			t.Errorf("%s: got %d after %s retries, %v; want 502 after 2", kind, a.status, a.body, err)
		}
	}
}

func TestOtherFailuresAreNotRepeatedWithoutRetries(t *testing.T) {
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		t.Run(method, func(t *testing.T) {
			closes := func(_ *backend, w http.ResponseWriter, _ *http.Request) { closeConnection(w) }
			fleet := startBackends(t, 2, closes)
			c := startProxy(t, pooled(fleet, roundRobin)).client()
			if a, err := c.send(method, "/", nil); err != nil || a.status != http.StatusBadGateway {
				t.Errorf("got %+v, %v", a, err)
			}
			if hits := fleet.hits(); hits[0]+hits[1] != 1 {
				t.Errorf("it was sent %v times", hits)
			}
		})
	}
}

// A service that listens on IPv4 only, of a name with both kinds of addresses.
func TestAnAddressThatIsRefusedIsLeftOutWhileItsSiblingAnswers(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("this machine has no IPv6:", err)
	} else {
		l.Close()
	}
	for policy, line := range ourPolicies {
		if strings.HasSuffix(line, "first\n}") || strings.Contains(line, "weighted_first") {
			continue // it always picks the one that works
		}
		t.Run(policy, func(t *testing.T) {
			fleet := startBackends(t, 1)
			_, port, _ := net.SplitHostPort(fleet[0].address)
			c := startProxy(t, fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource static %s [::1]:%s\n}\n%s\n}", fleet, port, line)).client()
			for i := range 40 {
				expectOK(t)(c.get(fmt.Sprint("/", i)))
			}
			lines := logged.With(`"msg":"endpoint is left out"`)
			if len(lines) != 1 || !strings.Contains(lines[0], `"address":"[::1]:`+port) {
				t.Errorf("logged %q", lines)
			}
		})
	}
}

func TestAnAddressIsLeftOutForAnswersOfTheSameNameOnly(t *testing.T) {
	if l, err := net.Listen("tcp", "[::1]:0"); err != nil {
		t.Skip("this machine has no IPv6:", err)
	} else {
		l.Close()
	}
	for name, leftOut := range map[string]int{"a.test.": 1, "b.test.": 0} {
		t.Run(name, func(t *testing.T) {
			fleet := startBackends(t, 1)
			_, port, _ := net.SplitHostPort(fleet[0].address)
			resolver := serveRecords(t,
				"web.test. 60 SRV 0 1 "+port+" a.test.", "a.test. 60 A 127.0.0.1",
				"web.test. 60 SRV 0 1 "+port+" b.test.", name+" 60 AAAA ::1")
			c := startProxy(t, fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource dns srv web.test {\nresolvers %s\n}\n}\n%s\n}",
				resolver, roundRobin)).client()
			for range 10 {
				expectOK(t)(c.get("/"))
			}
			if got := logged.Count(`"msg":"endpoint is left out"`); got != leftOut {
				t.Errorf("left out %d times; want %d", got, leftOut)
			}
		})
	}
}

// serveRecords runs a DNS server and returns its address.
func serveRecords(t *testing.T, records ...string) string {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{PacketConn: conn, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, query *dns.Msg) {
		reply := new(dns.Msg).SetReply(query)
		for _, text := range records {
			record, _ := dns.NewRR(text)
			if h := record.Header(); h.Name == query.Question[0].Name && h.Rrtype == query.Question[0].Qtype {
				reply.Answer = append(reply.Answer, record)
			}
		}
		_ = w.WriteMsg(reply)
	})}
	go func() { _ = server.ActivateAndServe() }()
	t.Cleanup(func() { conn.Close() })
	return conn.LocalAddr().String()
}

func TestAnAddressThatIsRefusedServesAgainOnceItIsAccepted(t *testing.T) {
	fleet := startBackends(t, 1)
	_, port, _ := net.SplitHostPort(fleet[0].address)
	c := startProxy(t, fmt.Sprintf("reverse_proxy {\ndynamic pool web {\nsource static %s [::1]:%s\n}\n%s\n}", fleet, port, roundRobin)).client()
	for range 4 {
		expectOK(t)(c.get("/"))
	}
	second := &backend{name: "v6", address: "[::1]:" + port, handler: writeName, serve: serveHTTP}
	if err := second.start(); err != nil {
		t.Skip("this machine has no IPv6:", err)
	}
	t.Cleanup(second.kill)
	eventually(t, "IPv6 serves again", func() bool {
		time.Sleep(50 * time.Millisecond)
		return expectOK(t)(c.get("/")).backend == "v6"
	})
}
