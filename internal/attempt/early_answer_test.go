package attempt

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// resetConn is a connection that the peer has reset, after it sent an answer.
type resetConn struct {
	net.Conn
	answer  io.Reader
	failure error
}

func (c *resetConn) Read(p []byte) (int, error) {
	time.Sleep(300 * time.Millisecond) // until the reader gets round to it
	return c.answer.Read(p)
}
func (c *resetConn) Write([]byte) (int, error) { return 0, c.failure }
func (c *resetConn) Close() error              { return nil }
func (c *resetConn) CloseWrite() error         { return nil }

func TestAWriteFailsOnlyAfterTheAnswerIsRead(t *testing.T) {
	reset := netError("write", syscall.ECONNRESET)
	readAll := func(c *answeringConn) { io.Copy(io.Discard, byteReader{c}) }
	for name, c := range map[string]struct {
		failure error
		do      func(c *answeringConn)
		after   time.Duration
	}{
		"while the answer is read": {reset, readAll, 7 * 300 * time.Millisecond}, // six bytes and the end
		"while nothing reads":      {reset, func(*answeringConn) {}, readsWithin},
		"until it is closed": {reset, func(c *answeringConn) {
			time.Sleep(time.Millisecond)
			c.Close()
		}, time.Millisecond},
		"another error": {errors.New("timeout"), readAll, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				conn := &answeringConn{Conn: &resetConn{nil, strings.NewReader("answer"), c.failure}, over: make(chan struct{})}
				begin := time.Now()
				var reader sync.WaitGroup
				defer reader.Wait()
				reader.Go(func() { c.do(conn) })
				if _, err := conn.Write(nil); !errors.Is(err, c.failure) {
					t.Errorf("it failed with %v", err)
				}
				if took := time.Since(begin); took != c.after {
					t.Errorf("the write failed after %s, want %s", took, c.after)
				}
			})
		})
	}
}

// byteReader reads one byte at a time.
type byteReader struct{ io.Reader }

func (r byteReader) Read(p []byte) (int, error) { return r.Reader.Read(p[:1]) }

func TestAWriteAfterHalfAConnectionWasClosedFailsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		failure := netError("write", syscall.EPIPE)
		conn := &answeringConn{Conn: &resetConn{nil, strings.NewReader(""), failure}, over: make(chan struct{})}
		if err := conn.CloseWrite(); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		conn.Write(nil)
		if took := time.Since(begin); took != 0 {
			t.Errorf("the write failed after %s", took)
		}
	})
}

func TestWithATransportThatMayDropAnswersAnErrorOfWritingSaysNothing(t *testing.T) {
	broken := func(r *http.Request) (*http.Response, error) { return nil, netError("write", syscall.EPIPE) }
	for name, prefers := range map[string]bool{"it may drop answers": false, "it prefers answers": true} {
		t.Run(name, func(t *testing.T) {
			watchedBubble(t, broken, func(t *testing.T, x *exchange) {
				x.transport.prefersAnswers = prefers
				got := x.upload(io.NopCloser(strings.NewReader("body")))
				if failed := len(got) > 0 && got[0].Failed; failed != prefers {
					t.Errorf("it is a failure: %v", failed)
				}
			})
		})
	}
}
