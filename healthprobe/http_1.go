package healthprobe

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"net/http"
	"sync"
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

// exchangeHTTP1 writes one request and reads one answer. The connection belongs to the answer's body if there is no error.
//
// http.Transport would do, but costs 1.6 times as much CPU for a connection of its own (BenchmarkHTTPProbe: 145 µs against 90 µs,
// and 15 KB against 3.6 KB, where the bare system calls cost 65 µs), because it starts two goroutines and makes two
// buffers for each. Keeping connections halves the cost (45 µs), but then a probe no longer sees whether the endpoint
// accepts any, and each idle connection takes up two goroutines here and perhaps a worker there.
func exchangeHTTP1(connected *conn, r *http.Request) (*http.Response, error) {
	b := pooled.Get().(*buffers)
	answer, err := b.exchange(connected, r)
	if err != nil {
		b.release()
		return nil, err
	}
	answer.Body = &body1{answer.Body, connected, b}
	return answer, nil
}

func (b *buffers) exchange(connected *conn, r *http.Request) (*http.Response, error) {
	if err := r.Write(&b.out); err != nil {
		return nil, err
	}
	if _, err := connected.Write(b.out.Bytes()); err != nil {
		return nil, err
	}
	b.limited = io.LimitedReader{R: connected, N: maxHeader}
	b.in.Reset(&b.limited)
	answer, err := b.finalAnswer(r)
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
}

// Close gives up what has not been read, which may be without end.
func (b *body1) Close() error {
	if b.buffers == nil {
		return nil // closed before
	}
	err := b.connected.Close()
	b.buffers.release()
	b.Reader, b.buffers = eof{}, nil
	return err
}

type eof struct{}

func (eof) Read([]byte) (int, error) { return 0, io.EOF }
