package layer4

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	l4 "github.com/mholt/caddy-l4/layer4"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/role"
)

// relay passes bytes between a client and an endpoint. It needs one goroutine besides that of the
// handler.
type relay struct {
	client   *l4.Connection
	endpoint net.Conn
	stream   *attempt.Stream
	idle     *idleWatch          // nil if the connection may be idle
	roles    *role.Watch[*relay] // nil if the connection stays when its endpoint loses its role

	clientEnded atomic.Bool // the client has closed its side, or was closed
	halfEnded   atomic.Bool // one direction has ended
	packets     *packets    // nil for TCP
}

func (p *Pool) relay(cx *l4.Connection, conn net.Conn, stream *attempt.Stream) *relay {
	r := &relay{client: cx, endpoint: conn, stream: stream, roles: p.roles}
	if timeout := time.Duration(p.IdleTimeout); timeout > 0 && !isPacket(cx) {
		r.idle = newIdleWatch(cx.Conn, timeout, r.abort)
	}
	return r
}

// run passes bytes on until both directions have ended.
func (r *relay) run() {
	if r.roles != nil {
		defer r.roles.Follow(r)()
	}
	if r.idle != nil {
		r.idle.start()
		defer r.idle.stop()
	}
	defer keepAlive(r.endpoint)()
	sent := make(chan struct{})
	go func() {
		defer close(sent)
		defer r.recover()
		r.send()
	}()
	r.receive()
	<-sent
}

// recover ends the connection after a panic, in a goroutine that nothing else recovers.
func (r *relay) recover() {
	if reason := recover(); reason != nil {
		r.client.Logger.Error("connection panicked", zap.Error(panicked(reason)))
		r.abort()
	}
}

// send passes what the client sends to the endpoint.
func (r *relay) send() {
	err := r.pass(r.endpoint, clientReader{r.client}, r.stream.Ask)
	r.packets.noteSent(r.stream, err)
	r.clientEnded.Store(true)
	r.end(err, r.endpoint)
}

// receive passes what the endpoint sends to the client.
func (r *relay) receive() {
	err := r.pass(innermost(r.client), r.endpoint, r.stream.Answer)
	r.packets.noteReceived(err)
	if !r.clientEnded.Load() && (err == nil || isReadError(err)) {
		r.stream.Break(err)
	}
	r.end(err, r.client.Conn)
}

// end ends the direction to a side, after the other side has sent all it had, or with an error.
func (r *relay) end(err error, to net.Conn) {
	_, isSocket := to.(*net.TCPConn)
	if r.halfEnded.Swap(true) && isSocket {
		return // it is closed at once, which says the same
	}
	if err != nil || !closeWrite(to) {
		r.abort()
	}
}

// abort ends both directions. It may be called at any time, also more than once.
func (r *relay) abort() {
	r.clientEnded.Store(true)
	_ = r.endpoint.Close()
	if isPacket(r.client) {
		// The server takes a Close for the end of whatever session the client's address has by
		// then.
		_ = r.client.Conn.SetReadDeadline(time.Unix(1, 0))
		return
	}
	_ = r.client.Conn.Close()
}

// closeWrite closes one direction, and reports whether the connection has directions.
func closeWrite(conn net.Conn) bool {
	half, ok := conn.(interface{ CloseWrite() error })
	return ok && half.CloseWrite() == nil
}

// isReadError reports whether an error is of reading. Errors of splicing do not tell, so they say
// nothing of the endpoint.
func isReadError(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "read" && !errors.Is(err, net.ErrClosed)
}

// Buffers for the first bytes of each direction, and for what the kernel cannot move.
var (
	firstBuffers  = buffersOf(4 << 10)
	streamBuffers = buffersOf(32 << 10)
)

func buffersOf(size int) *sync.Pool {
	return &sync.Pool{New: func() any { b := make([]byte, size); return &b }}
}

// pass copies until src ends. It calls first once the first bytes have passed.
func (r *relay) pass(dst io.Writer, src io.Reader, first func()) error {
	if r.packets != nil {
		return r.packets.copy(dst, src, first)
	}
	client, fromClient := src.(clientReader)
	settled := func() bool { return !fromClient || client.isDrained() }
	if err := r.copyBy(firstBuffers, dst, src, first, settled); err != nil {
		return withoutEOF(err)
	}
	if fromClient {
		src = client.Conn
	}
	if !r.idle.needsTouch() && canSplice(dst, src) {
		_, err := io.Copy(dst, src)
		return err
	}
	return r.copyBy(streamBuffers, dst, src, nil, nil)
}

// copyBy copies through a buffer. With settled it ends once something has passed and settled
// returns true. It returns nil at the end of src, and io.EOF if settled was not reached by then.
func (r *relay) copyBy(buffers *sync.Pool, dst io.Writer, src io.Reader, first func(), settled func() bool) error {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	for {
		n, err := src.Read(*buffer)
		if n > 0 {
			if _, err := dst.Write((*buffer)[:n]); err != nil {
				return err
			}
			r.idle.touch()
			if first != nil {
				first()
				first = nil
			}
		}
		switch {
		case err == io.EOF && settled == nil:
			return nil
		case err != nil:
			return err
		case n > 0 && settled != nil && settled():
			return nil
		}
	}
}

func withoutEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return nil
	}
	return err
}

// canSplice reports whether the kernel can move the bytes.
func canSplice(dst io.Writer, src io.Reader) bool {
	_, to := dst.(*net.TCPConn)
	_, from := src.(*net.TCPConn)
	return to && from
}
