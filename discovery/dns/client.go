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
	// udpSize fits into one frame of any network, because a fragmented answer is lost with any of
	// its fragments (https://www.dnsflagday.net/2020/).
	udpSize = 1232

	// rounds is how often each resolver is asked, because UDP loses packets and there may be only
	// one resolver.
	rounds = 2
)

// query asks resolvers in turn until one of them answers.
type query struct {
	resolvers []string
	timeout   time.Duration // of each question
}

// ask returns a reply to a question. It may be negative: no such name, or no record of that type.
func (q *query) ask(ctx context.Context, name string, kind uint16) (*dns.Msg, error) {
	var failures []string
	for range rounds {
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

// askOne asks over UDP, and over TCP if the reply is truncated.
func (q *query) askOne(ctx context.Context, resolver, name string, kind uint16) (*dns.Msg, error) {
	for _, network := range []string{"udp", "tcp"} {
		reply, err := q.exchange(ctx, network, resolver, name, kind)
		if err != nil || !reply.Truncated {
			return reply, err
		}
	}
	return nil, errors.New("answer is truncated over TCP, too")
}

// exchange sends a query and waits for its reply. Each query has a socket, a port and a random ID
// of its own, which makes replies hard to forge.
func (q *query) exchange(ctx context.Context, network, resolver, name string, kind uint16) (*dns.Msg, error) {
	message := new(dns.Msg).SetQuestion(name, kind).SetEdns0(udpSize, false)
	client := dns.Client{Net: network, Timeout: q.timeout}
	conn, err := client.DialContext(ctx, resolver)
	if err != nil {
		return nil, readable(err)
	}
	defer conn.Close()
	// The client respects the deadline of a context, but not its cancellation.
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	reply, _, err := client.ExchangeWithConnContext(ctx, message, conn)
	if err != nil {
		return nil, readable(err)
	}
	return reply, checkReply(reply, message.Question[0])
}

// readable removes the ports from an error. A pool logs an error once, which needs the same text
// each time.
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

// checkReply returns an error if a reply does not answer a question.
func checkReply(reply *dns.Msg, question dns.Question) error {
	switch {
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		return errors.New(rcode(reply.Rcode))
	case !reply.Response || len(reply.Question) != 1 || !sameQuestion(reply.Question[0], question):
		return errors.New("answers another question")
	case !reply.Truncated && !reply.Authoritative && !reply.RecursionAvailable && len(reply.Answer) == 0:
		// A referral only names other servers. It must not pass for a negative answer.
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
