package dns

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// rounds is how often each resolver is asked, because UDP loses packets and there may be only one
// resolver.
const rounds = 2

// query asks resolvers in turn until one of them answers.
type query struct {
	servers []*server
	timeout time.Duration // of each question
	tcp     bool          // asks over TCP from the start
	left    *quota
}

// budget is more than the time that one question may take.
func (q *query) budget() time.Duration {
	return time.Duration(rounds*len(q.servers)+1) * q.timeout
}

// ask returns a reply to a question. It may be negative: no such name, or no record of that type.
// With an error, the reply is the largest part of the answer that came, nil if none did.
func (q *query) ask(ctx context.Context, asked question) (*dns.Msg, error) {
	var part *dns.Msg
	var failures []string
	silent := make(map[*server]bool)
	for range rounds {
		failures = nil
		for _, s := range inOrder(q.servers) {
			reply, err := q.askServer(ctx, s, asked, silent[s])
			switch {
			case err == nil:
				noteSilence(silent)
				return reply, nil
			case ctx.Err() != nil:
				return part, asked.failure([]string{context.Cause(ctx).Error()})
			}
			part = larger(part, reply)
			silent[s] = silent[s] || errors.Is(err, errSilent)
			failures = append(failures, s.address+": "+err.Error())
		}
	}
	return part, asked.failure(failures)
}

// askOnce is ask for a question that failed the last time. All resolvers are asked at once and once
// only, so that the question delays others by one timeout at most.
func (q *query) askOnce(ctx context.Context, asked question) (*dns.Msg, error) {
	type result struct {
		reply *dns.Msg
		err   error
	}
	each, stop := context.WithCancel(ctx)
	defer stop()
	results := make([]chan result, len(q.servers))
	for i, s := range q.servers {
		results[i] = make(chan result, 1)
		go func() {
			var r result
			r.err = recovered.Call("the look-up", func() (err error) {
				r.reply, err = q.askServer(each, s, asked, false)
				return err
			})
			results[i] <- r
			if r.err == nil {
				stop()
			}
		}()
	}
	var answer, part *dns.Msg
	var failures []string
	for i, s := range q.servers { // waits for all, so that no goroutine is left
		switch r := <-results[i]; {
		case r.err == nil:
			answer = r.reply
		default:
			part = larger(part, r.reply)
			failures = append(failures, s.address+": "+r.err.Error())
		}
	}
	switch {
	case answer != nil:
		return answer, nil
	case ctx.Err() != nil:
		return part, asked.failure([]string{context.Cause(ctx).Error()})
	}
	return part, asked.failure(failures)
}

func (q question) failure(failures []string) error {
	return fmt.Errorf("%s %s: %s", q.name, dns.TypeToString[q.kind], strings.Join(failures, "; "))
}

func larger(a, b *dns.Msg) *dns.Msg {
	if a == nil || b != nil && len(b.Answer) > len(a.Answer) {
		return b
	}
	return a
}

// askServer asks one resolver. If the reply to a query with EDNS is an error that servers without
// EDNS give, it asks once more without. plain asks without EDNS from the start.
func (q *query) askServer(ctx context.Context, s *server, asked question, plain bool) (*dns.Msg, error) {
	known := s.isPlain()
	reply, err := q.askWhole(ctx, s, asked, plain || known)
	switch {
	case ctx.Err() != nil: // the error says nothing about the server
	case plain || known:
		s.setPlain(err == nil)
	case isRefusalOfEDNS(err):
		if again, err := q.askWhole(ctx, s, asked, true); err == nil {
			s.setPlain(true)
			return again, nil
		}
	}
	return reply, err
}

// askWhole asks over UDP, and over TCP if the reply is truncated. With an error, the reply is the
// part that came.
func (q *query) askWhole(ctx context.Context, s *server, asked question, plain bool) (*dns.Msg, error) {
	message := asked.message(plain)
	if q.tcp {
		return wholeOf(exchange(ctx, "tcp", s.address, message, q.timeout, q.left))
	}
	part, err := exchange(ctx, "udp", s.address, message, q.timeout, q.left)
	if err != nil || !part.Truncated {
		return part, err
	}
	if err = s.brokenTCP(); err == nil {
		var reply *dns.Msg
		reply, err = exchange(ctx, "tcp", s.address, message, q.timeout, q.left)
		s.setTCP(ctx, err)
		if reply, err = wholeOf(reply, err); err == nil {
			return reply, nil
		}
		part = larger(part, reply)
	}
	return part, fmt.Errorf("answer is truncated, and over TCP: %w", err)
}

// wholeOf returns an error for a reply over TCP that is truncated.
func wholeOf(reply *dns.Msg, err error) (*dns.Msg, error) {
	if err == nil && reply.Truncated {
		return reply, errors.New("truncated, too")
	}
	return reply, err
}

// message returns the query for a question.
func (q question) message(plain bool) *dns.Msg {
	message := new(dns.Msg).SetQuestion(q.name, q.kind)
	if !plain {
		message.SetEdns0(udpSize, false)
	}
	return message
}

// isRefusalOfEDNS reports whether servers that do not know EDNS answer that way (RFC 6891, 6.2.2
// and 7).
func isRefusalOfEDNS(err error) bool {
	var failed rcodeError
	if !errors.As(err, &failed) {
		return false
	}
	switch int(failed) {
	case dns.RcodeFormatError, dns.RcodeNotImplemented, dns.RcodeServerFailure:
		return true
	}
	return false
}

// rcodeError is the response code of a reply that is no answer.
type rcodeError int

// Error implements error.
func (code rcodeError) Error() string {
	return cmp.Or(dns.RcodeToString[int(code)], fmt.Sprintf("response code %d", int(code)))
}
