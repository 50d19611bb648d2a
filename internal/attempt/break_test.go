package attempt

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"os"
	"syscall"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func netError(op string, errno syscall.Errno) error {
	return &net.OpError{Op: op, Net: "tcp", Err: os.NewSyscallError(op, errno)}
}

func TestWhatIsABreakAndWhatWasNotProcessed(t *testing.T) {
	for _, c := range []struct {
		err                            error
		breaks, unprocessed, unwritten bool
	}{
		{io.EOF, true, false, false},
		{netError("read", syscall.ECONNRESET), true, false, false},
		{netError("write", syscall.EPIPE), true, false, true},
		{fmt.Errorf("%s%w", midResponse, netError("write", syscall.EPIPE)), true, false, false},
		{errors.New("http: server closed idle connection"), true, true, false},
		{fmt.Errorf("readLoopPeekFailLocked: %w", netError("read", syscall.ECONNRESET)), true, true, false},
		{io.ErrUnexpectedEOF, true, false, false},
		{errors.New("http2: client connection lost"), true, false, false},
		{errors.New("http2: server sent GOAWAY and closed the connection; LastStreamID=1, ErrCode=NO_ERROR, debug=\"\""),
			true, false, false},
		{errors.New("http2: Transport received Server's graceful shutdown GOAWAY"), true, true, false},
		{errors.New("stream error: stream ID 3; REFUSED_STREAM; received from peer"), true, true, false},

		{fmt.Errorf("%s%w", midResponse, io.ErrUnexpectedEOF), false, false, false}, // the header broke off
		{fmt.Errorf("%s%w", midResponse, netError("read", syscall.ECONNRESET)), false, false, false},
		{netError("dial", syscall.ECONNREFUSED), false, false, false},
		{netError("read", syscall.ETIMEDOUT), false, false, false},
		{errors.New("stream error: stream ID 3; INTERNAL_ERROR; received from peer"), false, false, false},
		{errors.New("net/http: timeout awaiting response headers"), false, false, false},
	} {
		if got := isBreak(c.err); got != c.breaks {
			t.Errorf("%v: a break: %v", c.err, got)
		}
		if got := isUnprocessed(c.err); got != c.unprocessed {
			t.Errorf("%v: certainly not processed: %v", c.err, got)
		}
		if got := isUnwritten(c.err); got != c.unwritten {
			t.Errorf("%v: nothing was written: %v", c.err, got)
		}
	}
}

func TestWhichErrorsAreOfTheRequest(t *testing.T) {
	for _, c := range []struct {
		err  error
		want bool
	}{
		{caddyhttp.Error(http.StatusLengthRequired, errors.New("no length")), true},
		{fmt.Errorf("building environment: %w", caddyhttp.Error(http.StatusBadRequest, errors.New("path"))), true},
		{errors.New(`net/http: invalid header field value for "X-Path"`), true},
		{caddyhttp.Error(http.StatusBadGateway, errors.New("no such host")), false},
		{errors.New("net/http: timeout awaiting response headers"), false},
		{errors.New("net/http: HTTP/1.x transport connection broken: malformed HTTP status code"), false},
		{netError("dial", syscall.ECONNREFUSED), false},
	} {
		if got := isOfRequest(c.err); got != c.want {
			t.Errorf("%v: of the request: %v", c.err, got)
		}
	}
}

// overConnections returns a backend whose round trips use connections in turn, as net/http reports
// them, and fail after some time.
func overConnections(after time.Duration, err error, reused ...bool) backend {
	return func(r *http.Request) (*http.Response, error) {
		for _, kept := range reused {
			httptrace.ContextClientTrace(r.Context()).GotConn(httptrace.GotConnInfo{Reused: kept})
		}
		time.Sleep(after)
		if err != nil {
			return nil, err
		}
		return respond(200, http.NoBody)
	}
}

// trace gives the request the trace that Caddy's requests have.
func (x *exchange) traced() *exchange {
	ctx := httptrace.WithClientTrace(x.request.Context(), new(httptrace.ClientTrace))
	x.request = x.request.WithContext(ctx)
	x.attempts = x.transport.Attempts(x.request)
	return x
}

func TestOnlyABreakOfAKeptConnectionIsExcused(t *testing.T) {
	for name, c := range map[string]struct {
		backend backend
		excused bool
		counted uint64
	}{
		"kept":                   {overConnections(0, io.EOF, true), true, 1},
		"fresh":                  {overConnections(0, io.EOF, false), false, 0},
		"fresh after a kept one": {overConnections(0, io.EOF, true, false), false, 1},
		"kept after a kept one":  {overConnections(0, io.EOF, true, true), true, 2},
		"unknown":                {overConnections(0, io.EOF), false, 0},
		"kept, not a break":      {overConnections(0, errors.New("timeout"), true), false, 0},
		"kept, after it worked":  {overConnections(2*time.Second, io.EOF, true), false, 0},
		"answered after a break": {overConnections(0, nil, true, false), true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			watchedBubble(t, c.backend, func(t *testing.T, x *exchange) {
				failed := false
				for _, r := range x.traced().send() {
					failed = failed || r.Failed
				}
				if failed == c.excused {
					t.Errorf("it counts as a failure: %v", failed)
				}
				if n := x.endpoint.Broken(); n != c.counted {
					t.Errorf("%d broken connections are counted, want %d", n, c.counted)
				}
				if trace := httptrace.ContextClientTrace(x.request.Context()); trace.GotConn != nil {
					t.Error("the trace of the request was not restored")
				}
			})
		})
	}
}

func TestTheTimeOfABrokenConnectionIsNotTheEndpoints(t *testing.T) {
	watchedBubble(t, overConnections(900*time.Millisecond, io.EOF, true), func(t *testing.T, x *exchange) {
		x.transport.fresh = func() http.RoundTripper { return overConnections(10*time.Millisecond, nil, false) }
		got := x.traced().send()
		if len(got) != 1 || got[0].Failed || got[0].Latency != 10*time.Millisecond {
			t.Errorf("the outlier detector got %+v", got)
		}
	})
}

func TestAFreshConnectionThatBreaksTooIsAFailure(t *testing.T) {
	watchedBubble(t, overConnections(0, io.EOF, true), func(t *testing.T, x *exchange) {
		tries := 0
		x.transport.fresh = func() http.RoundTripper {
			return backend(func(r *http.Request) (*http.Response, error) {
				tries++
				return overConnections(0, io.EOF, false)(r)
			})
		}
		got := x.traced().send()
		if len(got) != 1 || !got[0].Failed || tries != 1 || x.endpoint.Broken() != 1 {
			t.Errorf("after %d repeats and %d broken connections the detector got %+v", tries, x.endpoint.Broken(), got)
		}
	})
}

func TestACanceledRequestIsNotRepeated(t *testing.T) {
	var x *exchange
	b := func(r *http.Request) (*http.Response, error) {
		x.cancel()
		return overConnections(0, io.EOF, true)(r)
	}
	watchedBubble(t, b, func(t *testing.T, started *exchange) {
		x = started.traced()
		x.transport.fresh = func() http.RoundTripper { t.Error("it was repeated"); return nil }
		x.send()
	})
}
