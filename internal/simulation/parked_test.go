package simulation

import (
	"bufio"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"sync"
)

// answer is how a backend answers the requests of a kind.
type answer func(b *backend, r *http.Request, a *arrival) (*http.Response, error)

// worked answers after the work, with an error if the request is one that fails everywhere.
func worked(b *backend, r *http.Request, a *arrival) (*http.Response, error) {
	if err := b.serve(r.Context(), a.drawn); err != nil {
		return nil, err
	}
	if a.fails() {
		return response(r, http.StatusInternalServerError), nil
	}
	return response(r, http.StatusOK), nil
}

// polled is the answer to a long poll, which has nothing to report until its time is over.
func polled(b *backend, r *http.Request, a *arrival) (*http.Response, error) {
	if err := sleep(r.Context(), a.kind.lasts); err != nil {
		return nil, err
	}
	if f := b.fault.Load(); f != nil && f.hangs {
		return f.respond(r)
	}
	return response(r, http.StatusOK), nil
}

// upgraded switches protocols at once. The connection stays open until the client leaves.
func upgraded(_ *backend, r *http.Request, _ *arrival) (*http.Response, error) {
	res := response(r, http.StatusSwitchingProtocols)
	res.Header.Set("Connection", "Upgrade")
	res.Header.Set("Upgrade", "websocket")
	res.Body = &idleConn{idleBody{r.Context(), make(chan struct{}), sync.Once{}}}
	return res, nil
}

// streamed sends the header of an event stream at once, and no event until the stream ends.
func streamed(_ *backend, r *http.Request, a *arrival) (*http.Response, error) {
	res := response(r, http.StatusOK)
	res.Header.Set("Content-Type", "text/event-stream")
	res.Body = &lateBody{r.Context(), a}
	return res, nil
}

// silentThenStreamed sends the header with the first event, when the time of the request is over,
// and then streams for as long again.
func silentThenStreamed(b *backend, r *http.Request, a *arrival) (*http.Response, error) {
	if _, err := polled(b, r, a); err != nil {
		return nil, err
	}
	return streamed(b, r, a)
}

// received answers when the whole body of the request has come.
func received(b *backend, r *http.Request, a *arrival) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	return worked(b, r, a)
}

// stalledBody is a request body of which nothing comes before the client leaves.
type stalledBody struct{ ctx context.Context }

func (s stalledBody) Read([]byte) (int, error) {
	<-s.ctx.Done()
	return 0, s.ctx.Err()
}

func (stalledBody) Close() error { return nil }

// idleBody is the reading side of a connection on which nothing comes before it is closed.
type idleBody struct {
	ctx    context.Context
	closed chan struct{}
	once   sync.Once
}

func (c *idleBody) Read([]byte) (int, error) {
	select {
	case <-c.closed:
	case <-c.ctx.Done():
	}
	return 0, errors.New("the connection is closed")
}

func (c *idleBody) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// idleConn is an idle connection of which both sides are open.
type idleConn struct{ idleBody }

func (*idleConn) Write(p []byte) (int, error) { return len(p), nil }

// lateBody is the body of a response that ends when the time of the request is over.
type lateBody struct {
	ctx context.Context
	a   *arrival
}

func (l *lateBody) Read([]byte) (int, error) {
	if err := sleep(l.ctx, l.a.kind.lasts); err != nil {
		return 0, err
	}
	return 0, io.EOF
}

func (*lateBody) Close() error { return nil }

// Hijack implements http.Hijacker, as a connection on which the client sends nothing.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, _ := net.Pipe()
	return conn, bufio.NewReadWriter(bufio.NewReaderSize(conn, 16), bufio.NewWriterSize(conn, 16)), nil
}
