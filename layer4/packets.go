package layer4

import (
	"bytes"
	"io"
	"strings"
	"sync/atomic"
	"time"

	l4 "github.com/mholt/caddy-l4/layer4"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
)

// packets is what a relay of datagrams has besides.
type packets struct {
	header []byte // goes before each datagram to the endpoint; nil for none

	answered   atomic.Bool // the endpoint has sent something
	refused    atomic.Bool // the endpoint has said that no socket is there
	clientGone atomic.Bool // the client has been silent for long enough
	err        error       // of the refusal
}

// handlePackets passes on the datagrams of a client. If an endpoint refuses the first one, that one
// is sent to another endpoint.
func (p *Pool) handlePackets(cx *l4.Connection, s *search) error {
	first, err := readPacket(cx)
	if err != nil {
		return nil // the client has gone before
	}
	header, err := p.packetHeader(cx)
	if err != nil {
		return err
	}
	for {
		refused, err := p.exchange(cx, s, &packets{header: header}, first)
		if err != nil || !refused {
			return err
		}
		_ = cx.Conn.SetReadDeadline(time.Time{}) // the relay has ended with one
	}
}

// exchange passes on datagrams to one endpoint. It reports whether that has refused the first one.
func (p *Pool) exchange(cx *l4.Connection, s *search, packets *packets, first []byte) (refused bool, err error) {
	conn, stream, err := s.connect()
	if err != nil {
		return false, err
	}
	defer stream.End()
	defer conn.Close()
	if _, err := conn.Write(append(bytes.Clone(packets.header), first...)); err != nil {
		stream.Break(err)
		s.fail(stream.Endpoint(), err)
		return true, nil
	}
	stream.Ask()
	r := p.relay(cx, conn, stream)
	r.packets = packets
	r.run()
	if !packets.refused.Load() || packets.clientGone.Load() {
		return false, nil
	}
	s.fail(stream.Endpoint(), packets.err)
	return true, nil
}

// packetHeader returns the header of the PROXY protocol for datagrams, of which only version 2
// knows.
func (p *Pool) packetHeader(cx *l4.Connection) ([]byte, error) {
	if version := proxyVersions[p.ProxyProtocol]; version == 2 {
		return proxyHeader(cx, version).Format()
	}
	return nil, nil
}

// A datagram is never longer than these buffers.
var packetBuffers = buffersOf(64 << 10)

// readPacket returns a copy of the next datagram of the client.
func readPacket(cx *l4.Connection) ([]byte, error) {
	buffer := packetBuffers.Get().(*[]byte)
	defer packetBuffers.Put(buffer)
	n, err := cx.Read(*buffer)
	return bytes.Clone((*buffer)[:n]), err
}

// copy passes on datagrams until src ends. It calls first once the first one has passed.
func (p *packets) copy(dst io.Writer, src io.Reader, first func()) error {
	buffer := packetBuffers.Get().(*[]byte)
	defer packetBuffers.Put(buffer)
	begin := 0
	_, fromClient := src.(clientReader)
	if fromClient {
		begin = copy(*buffer, p.header)
	}
	for {
		n, err := src.Read((*buffer)[begin:])
		switch {
		case err == io.EOF:
			return nil
		case err != nil:
			return err
		}
		if _, err := dst.Write((*buffer)[:begin+n]); err != nil {
			return err
		}
		if !fromClient {
			p.answered.Store(true)
		}
		first()
	}
}

// noteReceived notes why nothing more comes from the endpoint.
func (p *packets) noteReceived(err error) {
	if p != nil && isRefusal(err) && !p.answered.Load() && p.refused.CompareAndSwap(false, true) {
		p.err = err
	}
}

// noteSent notes why nothing more goes to the endpoint. The system reports a refusal once, to
// whichever direction comes first.
func (p *packets) noteSent(stream *attempt.Stream, err error) {
	if p == nil {
		return
	}
	p.clientGone.Store(err == nil)
	if isRefusal(err) {
		stream.Break(err)
		p.noteReceived(err)
	}
}

// isRefusal reports whether the endpoint's machine has said that no socket is there.
func isRefusal(err error) bool {
	return err != nil && strings.Contains(err.Error(), "refused") // on every system
}
