package attempt

import (
	"context"
	"errors"
	"io"
	"net/http"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// trackBody keeps the endpoint's place until the response was read or closed.
func (a *Attempt) trackBody(res *http.Response) {
	if res.Body == nil || res.Body == http.NoBody {
		a.endResponse()
		return
	}
	a.body = trackedBody{res.Body, a}
	upgraded, ok := res.Body.(io.ReadWriteCloser)
	if !ok {
		res.Body = &a.body
		return
	}
	a.setUpgraded(upgraded)
	// Caddy tests what else the body of an upgraded connection implements.
	if half, ok := upgraded.(closeWriter); ok {
		res.Body = &halfClosableBody{&a.body, upgraded, half}
	} else {
		res.Body = &writableBody{&a.body, upgraded}
	}
}

// breakOff records that the endpoint did not send the rest of its answer. Otherwise an endpoint
// that sends a header and resets the connection would look like the fastest one.
func (a *Attempt) breakOff(now load.Instant) {
	if a.clientIsToBlame(now) || !a.spoil() {
		return
	}
	c := a.endpoint.Load.BreakOff(&a.load, now, a.transport.Decay)
	a.observe(endpoint.Result{Failed: true, Late: true, Expected: c.Expected})
}

// spoil makes the answer one that broke off, and reports whether the attempt was answered.
func (a *Attempt) spoil() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage == answered {
		a.ending = endpoint.FailedBrokenOff
	}
	return a.stage == answered
}

// trackedBody is the body of a response. Its end or its Close ends the attempt.
type trackedBody struct {
	io.ReadCloser
	attempt *Attempt
}

// Read implements io.Reader.
func (b *trackedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.attempt.takeTrailer()
		b.attempt.endCall()
		if err != io.EOF && !errors.Is(err, context.Canceled) {
			b.attempt.breakOff(load.Now())
		}
		b.attempt.endResponse()
	}
	return n, err
}

// Close implements io.Closer.
func (b *trackedBody) Close() error {
	defer b.attempt.endResponse()
	return b.ReadCloser.Close()
}

type closeWriter interface{ CloseWrite() error }

// writableBody is the body of an upgraded connection. Only Close ends its attempt: one side may
// have sent all it has while the other still sends.
type writableBody struct {
	*trackedBody
	io.Writer
}

// Read implements io.Reader.
func (b *writableBody) Read(p []byte) (int, error) { return b.ReadCloser.Read(p) }

// halfClosableBody is a writableBody of which each direction can be closed alone.
type halfClosableBody struct {
	*trackedBody
	io.Writer
	closeWriter
}

// Read implements io.Reader.
func (b *halfClosableBody) Read(p []byte) (int, error) { return b.ReadCloser.Read(p) }
