package dns

import (
	"context"
	"errors"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/miekg/dns"
)

const (
	// udpSize fits into one frame of any network, because a fragmented answer is lost with any of
	// its fragments (https://www.dnsflagday.net/2020/). Servers may send more all the same.
	udpSize = 1232
)

// errSilent is the error of a server that does not answer.
var errSilent = errors.New("no answer in time")

// errOtherQuestion is the error of a reply to a question that was not asked.
var errOtherQuestion = errors.New("answers another question")

// exchange sends a query and waits for its reply. Each query has a socket, a port and a random ID
// of its own, which makes replies hard to forge. left is how many bytes replies may still have.
func exchange(
	ctx context.Context, network, address string, query *dns.Msg, timeout time.Duration, left *quota,
) (*dns.Msg, error) {
	deadline := time.Now().Add(timeout)
	raw, err := (&net.Dialer{Deadline: deadline}).DialContext(ctx, network, address)
	if err != nil {
		return nil, readable(err)
	}
	defer raw.Close()
	defer context.AfterFunc(ctx, func() { raw.Close() })()
	_ = raw.SetDeadline(deadline)
	conn := &dns.Conn{Conn: raw}
	if err := conn.WriteMsg(query); err != nil {
		return nil, readable(err)
	}
	receive := receivePacket
	if network == "tcp" {
		receive = receiveStream
	}
	reply, err := receive(conn, query.Id, left)
	if err == nil {
		err = checkReply(reply, query.Question[0])
	}
	if err != nil {
		return nil, readable(err)
	}
	return reply, nil
}

// buffers are for datagrams of any size.
var buffers = sync.Pool{New: func() any { return new([dns.MaxMsgSize]byte) }}

// receivePacket waits for the datagram with the ID.
func receivePacket(conn *dns.Conn, id uint16, left *quota) (*dns.Msg, error) {
	buffer := buffers.Get().(*[dns.MaxMsgSize]byte)
	defer buffers.Put(buffer)
	for {
		n, err := conn.Conn.Read(buffer[:])
		if err != nil {
			return nil, err
		}
		if err := left.take(n); err != nil {
			return nil, err
		}
		// Replies with another ID may be forged.
		if reply, err := unpack(buffer[:n]); err != nil || reply.Id == id {
			return reply, err
		}
	}
}

func receiveStream(conn *dns.Conn, id uint16, left *quota) (*dns.Msg, error) {
	packet, err := conn.ReadMsgHeader(nil)
	if err == nil {
		err = left.take(len(packet))
	}
	if err != nil {
		return nil, err
	}
	reply, err := unpack(packet)
	if err == nil && reply.Id != id {
		err = dns.ErrId
	}
	return reply, err
}

// readable removes the ports from an error. A pool logs an error once, which needs the same text
// each time.
func readable(err error) error {
	var failed *net.OpError
	switch {
	case !errors.As(err, &failed):
		return err
	case failed.Timeout():
		return errSilent
	}
	return failed.Err
}

// checkReply returns an error if a reply does not answer a question.
func checkReply(reply *dns.Msg, question dns.Question) error {
	switch {
	case reply.Rcode != dns.RcodeSuccess && reply.Rcode != dns.RcodeNameError:
		return rcodeError(reply.Rcode)
	case !reply.Response || len(reply.Question) != 1 || !sameQuestion(reply.Question[0], question):
		return errOtherQuestion
	case !reply.Truncated && !reply.Authoritative && !reply.RecursionAvailable && len(reply.Answer) == 0:
		// A referral only names other servers. It must not pass for a negative answer.
		return errors.New("refers to other servers; expected a resolver, or a server of that zone")
	}
	return nil
}

func sameQuestion(a, b dns.Question) bool {
	return a.Qtype == b.Qtype && a.Qclass == b.Qclass && strings.EqualFold(a.Name, b.Name)
}
