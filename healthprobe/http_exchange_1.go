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

// maxHeader is how much an answer may say before its body. Servers send hundreds of bytes.
const maxHeader = 64 << 10

// buffers are what a request and its answer pass through.
type buffers struct {
	out     bytes.Buffer
	in      bufio.Reader
	limited io.LimitedReader
}

var pooled = sync.Pool{New: func() any { return new(buffers) }}

// exchangeHTTP1 writes one request and reads one answer. The connection belongs to the answer's body if there is no error, and
// then is kept for the next check, if both sides are for it.
//
// At 2,000 checks a second, a check takes 56 µs of CPU in all, of which the prober's own are 13; with a connection of its own
// it takes 117, and over TLS 81 instead of 820 (BenchmarkProber, the least of several runs). http.Transport would do, but
// takes 90 with connections that it keeps and 172 with new ones, because it starts two goroutines and makes two buffers
// for each, which kept ones take up all the time.
func exchangeHTTP1(connected *conn, r *http.Request, kept *probeState) (*http.Response, error) {
	b := pooled.Get().(*buffers)
	answer, err := b.exchange(connected, r, kept)
	if err != nil {
		b.release()
		return nil, err
	}
	if r.Close || answer.Close || !answer.ProtoAtLeast(1, 1) || answer.StatusCode < 200 {
		kept = nil
	}
	answer.Body = &body1{answer.Body, connected, b, kept}
	return answer, nil
}

func (b *buffers) exchange(connected *conn, r *http.Request, kept *probeState) (*http.Response, error) {
	connected.answered = false
	wire := kept.encoded
	if wire == nil || r.URL != kept.request.URL { // it has a body, or follows a redirect
		if err := r.Write(&b.out); err != nil {
			return nil, err
		}
		wire = b.out.Bytes()
	}
	if _, err := connected.Write(wire); err != nil {
		return nil, err
	}
	b.limited = io.LimitedReader{R: connected, N: maxHeader}
	b.in.Reset(&b.limited)
	answer, err := b.finalAnswer(r)
	connected.answered = b.limited.N < maxHeader
	if err != nil && b.limited.N <= 0 {
		err = errors.New("the header is larger than 64 KiB")
	}
	b.limited.N = math.MaxInt64 // who reads the body knows how much of it
	return answer, err
}

// finalAnswer skips announcements such as 103 Early Hints; the limit is for all of them together.
func (b *buffers) finalAnswer(r *http.Request) (*http.Response, error) {
	for {
		answer, err := http.ReadResponse(&b.in, r)
		if err != nil || answer.StatusCode >= 200 || answer.StatusCode == http.StatusSwitchingProtocols {
			return answer, err
		}
	}
}

// release lets go of everything that belongs to the connection, and of buffers that a large body needed.
func (b *buffers) release() {
	if b.out.Cap() > maxHeader {
		return
	}
	b.out.Reset()
	b.limited.R = nil
	b.in.Reset(nil)
	pooled.Put(b)
}

type body1 struct {
	io.Reader
	connected *conn
	buffers   *buffers
	heir      *probeState // nil if the connection is not to be kept
}

// Close gives up what has not been read, if it does not end soon.
func (b *body1) Close() error {
	if b.buffers == nil {
		return nil // closed before
	}
	heir := b.heir
	if heir != nil && !b.ends() {
		heir = nil
	}
	b.buffers.release()
	b.Reader, b.buffers = eof{}, nil
	if heir != nil && heir.leave(b.connected) {
		return nil
	}
	return b.connected.Close()
}

const (
	// maxRest is how much of a body is read for the sake of the connection: about as much as costs less than a new one.
	maxRest = 16 << 10

	// restWait is how long an endpoint may take for the rest of a body that nobody asked for. Many send it in a packet
	// of its own right after the header, some never end it.
	restWait = 50 * time.Millisecond
)

// ends reads to the end of the answer, so that what comes next on the connection is another one.
func (b *body1) ends() bool {
	b.connected.plain.SetReadDeadline(time.Now().Add(restWait))
	_, err := io.CopyN(io.Discard, b.Reader, maxRest)
	return err == io.EOF && b.buffers.in.Buffered() == 0
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
