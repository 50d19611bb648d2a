package dns

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/miekg/dns"
)

const (
	// udpSize fits into one frame of any network, so that no answer is lost with one of its fragments
	// (https://www.dnsflagday.net/2020/).
	udpSize = 1232

	// dnsRounds is how often each resolver is asked: UDP loses packets, and often there is but one resolver.
	dnsRounds = 2
)

// dnsQuery asks resolvers in turn until one has an answer.
type dnsQuery struct {
	resolvers []string
	timeout   time.Duration // of each
}

// ask returns an answer, which may be that there is nothing of that name and type.
func (q *dnsQuery) ask(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	var failures []string
	for range dnsRounds {
		failures = nil
		for _, resolver := range q.resolvers {
			reply, err := q.askOne(ctx, resolver, name, kind)
			if err == nil {
				return reply, nil
			}
			if ctx.Err() != nil {
				return nil, ctx.Err()
			}
			failures = append(failures, resolver+": "+err.Error())
		}
	}
	return nil, fmt.Errorf("%s %s: %s", name, dns.TypeToString[kind], strings.Join(failures, "; "))
}

func (q *dnsQuery) askOne(ctx context.Context, resolver, name string, kind uint16) (*dns.Msg, error) {
	for _, network := range []string{"udp", "tcp"} {
		reply, err := q.exchange(ctx, network, resolver, name, kind)
		if err != nil || !reply.Truncated {
			return reply, err
		}
	}
	return nil, errors.New("answer is truncated over TCP, too")
}

// exchange has a new socket, and so a new port, and a new random id for each query, for nobody
// else's answer to be taken.
func (q *dnsQuery) exchange(ctx context.Context, network, resolver, name string, kind uint16) (*dns.Msg, error) {
	query := new(dns.Msg).SetQuestion(name, kind).SetEdns0(udpSize, false)
	client := dns.Client{Net: network, Timeout: q.timeout}
	conn, err := client.DialContext(ctx, resolver)
	if err != nil {
		return nil, readable(err)
	}
	defer conn.Close()
	// The client heeds the deadline of a context, but not its end.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	reply, _, err := client.ExchangeWithConnContext(ctx, query, conn)
	if err != nil {
		return nil, readable(err)
	}
	return reply, refusal(reply, query.Question[0])
}

// readable leaves out of an error which ports were used: a message that is different each time
// cannot be told once.
func readable(err error) error {
	var failed *net.OpError
	switch {
	case !errors.As(err, &failed):
		return err
	case failed.Timeout():
		return errors.New("no answer in time")
	}
	return failed.Err
}

// refusal is why a reply is no answer to a question.
func refusal(reply *dns.Msg, question dns.Question) error {
	switch {
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		return errors.New(rcode(reply.Rcode))
	case !reply.Response || len(reply.Question) != 1 || !sameQuestion(reply.Question[0], question):
		return errors.New("answers another question")
	case !reply.Truncated && !reply.Authoritative && !reply.RecursionAvailable && len(reply.Answer) == 0:
		// It only says who else might know, which must not pass for there being nothing.
		return errors.New("refers to other servers; expected a resolver, or a server of that zone")
	}
	return nil
}

func sameQuestion(a, b dns.Question) bool {
	return a.Qtype == b.Qtype && a.Qclass == b.Qclass && strings.EqualFold(a.Name, b.Name)
}

func rcode(code int) string {
	if text, ok := dns.RcodeToString[code]; ok {
		return text
	}
	return fmt.Sprintf("response code %d", code)
}
