package healthprobe

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"sync"
	"time"
)

// maxHeader is the maximum size of the header of an answer in bytes. Servers send hundreds.
const maxHeader = 64 << 10

// buffers hold a request on its way out and an answer on its way in.
type buffers struct {
	out     bytes.Buffer
	in      bufio.Reader
	limited io.LimitedReader
}

var bufferPool = sync.Pool{New: func() any { return new(buffers) }}

// exchangeHTTP1 writes one request and reads one answer. Unless it returns an error, the body of
// the answer owns the connection, and Close of the body keeps the connection for the next check if
// both sides allow it.
//
// It replaces http.Transport for the sake of CPU time. At 2,000 checks a second, a check takes 56
// µs in all, of which 13 are the prober's own; with a new connection for each check it takes 117,
// and over TLS 81 instead of 820 (BenchmarkProber, the minimum of several spans). http.Transport
// takes 90 with kept connections and 172 with new ones, because it starts two goroutines and
// allocates two buffers for each connection. Those of kept connections also hold memory between
// checks.
func exchangeHTTP1(connected *conn, r *http.Request, state *probeState) (*http.Response, error) {
	b := bufferPool.Get().(*buffers)
	answer, err := b.exchange(connected, r, state)
	if err != nil {
		b.release()
		return nil, err
	}
	keepFor := state
	if r.Close || answer.Close || !answer.ProtoAtLeast(1, 1) || answer.StatusCode < 200 {
		keepFor = nil
	}
	answer.Body = &http1Body{answer.Body, connected, b, keepFor}
	return answer, nil
}

func (b *buffers) exchange(connected *conn, r *http.Request, state *probeState) (*http.Response, error) {
	connected.answered = false
	encoded := state.encoded
	if encoded == nil || r.URL != state.request.URL { // the request has a body or follows a redirect
		if err := r.Write(&b.out); err != nil {
			return nil, err
		}
		encoded = b.out.Bytes()
	}
	if _, err := connected.Write(encoded); err != nil {
		return nil, err
	}
	b.limited = io.LimitedReader{R: connected, N: maxHeader}
	b.in.Reset(&b.limited)
	answer, err := b.readAnswer(r)
	connected.answered = b.limited.N < maxHeader
	if err != nil && b.limited.N <= 0 {
		err = errors.New("the header is larger than 64 KiB")
	}
	b.limited.N = math.MaxInt64 // the limit of the body is max_size
	return answer, err
}

// readAnswer reads the final answer. It skips informational ones such as 103 Early Hints; maxHeader
// limits all of them together.
func (b *buffers) readAnswer(r *http.Request) (*http.Response, error) {
	for {
		answer, err := http.ReadResponse(&b.in, r)
		if err != nil || answer.StatusCode >= 200 || answer.StatusCode == http.StatusSwitchingProtocols {
			return answer, err
		}
	}
}

// release returns the buffers to the pool without references to the connection. Buffers that a
// large request has grown are left to the garbage collector.
func (b *buffers) release() {
	if b.out.Cap() > maxHeader {
		return
	}
	b.out.Reset()
	b.limited.R = nil
	b.in.Reset(nil)
	bufferPool.Put(b)
}

// http1Body is the body of an answer, and owns its connection.
type http1Body struct {
	io.Reader
	connected *conn
	buffers   *buffers
	keepFor   *probeState // where to keep the connection; nil if it must be closed
}

// Close keeps the connection for the next check if the rest of the answer comes soon, and closes it
// otherwise.
func (b *http1Body) Close() error {
	if b.buffers == nil {
		return nil // closed before
	}
	keepFor := b.keepFor
	if keepFor != nil && !b.drain() {
		keepFor = nil
	}
	b.buffers.release()
	b.Reader, b.buffers = closedBody{}, nil
	if keepFor != nil && keepFor.keepConn(b.connected) {
		return nil
	}
	return b.connected.Close()
}

const (
	// maxDrain is how many bytes of an unread body are read to keep the connection. To read more
	// would cost about as much as a new connection.
	maxDrain = 16 << 10

	// drainTimeout is how long to wait for the rest of an unread body. Many endpoints send it in a
	// packet of its own right after the header; some never end it.
	drainTimeout = 50 * time.Millisecond
)

// drain reads the rest of the answer, and reports whether it has ended and nothing follows it.
func (b *http1Body) drain() bool {
	b.connected.raw.SetReadDeadline(time.Now().Add(drainTimeout))
	_, err := io.CopyN(io.Discard, b.Reader, maxDrain)
	return errors.Is(err, io.EOF) && b.buffers.in.Buffered() == 0
}

type closedBody struct{}

func (closedBody) Read([]byte) (int, error) { return 0, io.EOF }
