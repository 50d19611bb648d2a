package dns

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// hostileServer answers over TCP with records that answer makes for each question. It fills each
// message up to 64 KiB with them.
func hostileServer(t testing.TB, answer func(kind uint16, i int) []byte) (address string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	bodies := make(map[uint16][]byte)
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA, dns.TypeSRV} {
		bodies[kind] = filled(func(i int) []byte { return answer(kind, i) })
	}
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go answerHostile(conn, bodies)
		}
	}()
	return listener.Addr().String()
}

// filled returns the number of records and the records that fit into a message.
func filled(record func(i int) []byte) (body []byte) {
	const room = dns.MaxMsgSize - 600 // for the header and the question
	body = make([]byte, 2)
	for i := 0; ; i++ {
		r := record(i)
		if len(r) == 0 || len(body)+len(r) > room {
			binary.BigEndian.PutUint16(body, uint16(i))
			return body
		}
		body = append(body, r...)
	}
}

func answerHostile(conn net.Conn, bodies map[uint16][]byte) {
	defer conn.Close()
	query, err := (&dns.Conn{Conn: conn}).ReadMsg()
	if err != nil {
		return
	}
	question := query.Question[0]
	reply := new(dns.Msg).SetReply(query)
	reply.Authoritative, reply.Extra = true, nil
	head, err := reply.Pack()
	body := bodies[question.Qtype]
	if err != nil {
		return
	}
	copy(head[6:8], body[:2]) // the number of answers
	size := binary.BigEndian.AppendUint16(nil, uint16(len(head)+len(body)-2))
	for _, part := range [][]byte{size, head, body[2:]} {
		if _, err := conn.Write(part); err != nil {
			return
		}
	}
	_, _ = io.Copy(io.Discard, conn)
}

// record returns a record of the name that was asked for, to which a pointer leads.
func record(kind uint16, data ...byte) []byte {
	r := []byte{0xc0, headerSize}
	r = binary.BigEndian.AppendUint16(r, kind)
	r = append(r, 0, 1, 0, 0, 0, 60)
	r = binary.BigEndian.AppendUint16(r, uint16(len(data)))
	return append(r, data...)
}

// srv returns an SRV record of a target, whose port is its number.
func srv(i int, target ...byte) []byte {
	return record(dns.TypeSRV, append([]byte{0, 1, 0, 1, byte(i >> 8), byte(i) | 1}, target...)...)
}

// label returns the name of a target, as a label in front of the name that was asked for.
func label(i int) []byte {
	text := fmt.Sprintf("%x", i)
	return append(append([]byte{byte(len(text))}, text...), 0xc0, headerSize)
}

func address(kind uint16, i int) []byte {
	if kind == dns.TypeA {
		return record(kind, 10, byte(i>>16), byte(i>>8), byte(i))
	}
	return record(kind, append(make([]byte, 13), byte(i>>16), byte(i>>8), byte(i))...)
}

// hostileAnswers are answers to SRV questions and to those for the addresses of targets, by what is
// bad about them.
func hostileAnswers() map[string]func(kind uint16, i int) []byte {
	withTargets := func(target func(i int) []byte, addresses func(kind uint16, i int) []byte) func(uint16, int) []byte {
		return func(kind uint16, i int) []byte {
			if kind == dns.TypeSRV {
				return srv(i, target(i)...)
			}
			return addresses(kind, i)
		}
	}
	same := func(int) []byte { return label(1) }
	one := func(kind uint16, i int) []byte {
		if i > 0 {
			return nil
		}
		return address(kind, i)
	}
	return map[string]func(kind uint16, i int) []byte{
		"targets of many addresses":  withTargets(label, address),
		"targets of one address":     withTargets(label, one),
		"one target, many addresses": withTargets(same, address),
		"records without content":    withTargets(label, func(kind uint16, _ int) []byte { return record(kind) }),
		"records of other kinds":     withTargets(label, func(uint16, int) []byte { return record(dns.TypeANY) }),
		"records of no kind":         withTargets(label, func(uint16, int) []byte { return record(60_000) }),
		"aliases":                    withTargets(label, func(_ uint16, i int) []byte { return record(dns.TypeCNAME, label(i)...) }),
		"long names": withTargets(label, func(kind uint16, i int) []byte {
			return append(label(i), address(kind, i)[2:]...)
		}),
	}
}

// longName is as long as a name may be with a label in front, and four times as long as a text.
var longName = strings.Repeat(strings.Repeat(`\000`, 60)+".", 3) + strings.Repeat(`\000`, 30) + ".test."

func hostileSource(t testing.TB, answer func(kind uint16, i int) []byte) *Source {
	t.Helper()
	s := &Source{Type: "srv", Name: longName, Resolvers: []string{hostileServer(t, answer)}, TCP: true}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: t.Context()})
	t.Cleanup(cancel)
	if err := s.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestAHostileAnswerIsCheap(t *testing.T) {
	if testing.Short() {
		t.Skip("reads much")
	}
	for what, answer := range hostileAnswers() {
		for _, keep := range []bool{false, true} {
			t.Run(fmt.Sprint(what, ", names kept ", keep), func(t *testing.T) {
				s := hostileSource(t, answer)
				s.KeepNames = keep
				sourcetest.WantCheap(t, func() {
					found, _, err := s.lookUp(t.Context(), func(discovery.Answer) {})
					t.Log(len(found.Endpoints), len(found.Dropped), fmt.Sprintf("%.200v", err))
				})
			})
		}
	}
}

func BenchmarkHostile(b *testing.B) {
	for what, answer := range hostileAnswers() {
		b.Run(strings.ReplaceAll(what, " ", "_"), func(b *testing.B) {
			s := hostileSource(b, answer)
			for b.Loop() {
				_, _, _ = s.lookUp(b.Context(), func(discovery.Answer) {})
			}
		})
	}
}

// The reader of messages must find what the library finds, whatever it makes of broken ones.
func FuzzMessagesAreReadAsTheLibraryReadsThem(f *testing.F) {
	for _, records := range [][]string{
		{"web.test. 60 IN A 10.0.0.1", "web.test. 60 IN AAAA ::1", "web.test. 60 IN TXT \"a\""},
		{"web.test. 60 IN CNAME other.test.", "other.test. 5 IN SRV 1 2 80 a.test.", "a.test. 5 IN A 10.0.0.1"},
	} {
		reply := new(dns.Msg).SetQuestion("web.test.", dns.TypeA)
		reply.Response, reply.Compress = true, true
		for _, text := range records {
			rr, err := dns.NewRR(text)
			if err != nil {
				f.Fatal(err)
			}
			reply.Answer, reply.Extra = append(reply.Answer, rr), append(reply.Extra, rr)
		}
		soa, _ := dns.NewRR("test. 60 IN SOA ns.test. me.test. 1 2 3 4 5")
		reply.Ns = []dns.RR{soa}
		reply.SetEdns0(4096, false)
		reply.IsEdns0().SetExtendedRcode(dns.RcodeBadVers)
		packet, err := reply.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(packet)
		f.Add(packet[:len(packet)-20])
	}
	f.Fuzz(func(t *testing.T, packet []byte) {
		got, err := unpack(packet)
		want := new(dns.Msg)
		if err != nil || want.Unpack(packet) != nil || got.Truncated || len(want.Question) != 1 {
			return
		}
		if got.Rcode != want.Rcode {
			t.Errorf("the code is %d; want %d", got.Rcode, want.Rcode)
		}
		for section, records := range map[int][2][]dns.RR{
			answers: {got.Answer, want.Answer}, additional: {got.Extra, want.Extra}, authorities: {got.Ns, want.Ns},
		} {
			if got, want := shownRecords(records[0]), shownRecords(lookedAt(records[1], section)); got != want {
				t.Errorf("section %d: got %s; want %s", section, got, want)
			}
		}
	})
}

func lookedAt(records []dns.RR, section int) (kept []dns.RR) {
	for _, r := range records {
		if isLookedAt(r.Header().Rrtype, section) {
			kept = append(kept, r)
		}
	}
	return kept
}

func shownRecords(records []dns.RR) (text string) {
	for _, r := range records {
		if soa, ok := r.(*dns.SOA); ok { // only the TTL is read of it
			r = &dns.SOA{Hdr: soa.Hdr, Minttl: soa.Minttl}
		}
		text += r.String() + "\n"
	}
	return text
}
