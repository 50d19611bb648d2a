package attempt

import (
	"io"
	"net/http"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// followBody keeps the endpoint's place until the response was read or closed.
func (a *Attempt) followBody(res *http.Response) {
	if res.Body == nil || res.Body == http.NoBody {
		a.end()
		return
	}
	a.body = followedBody{res.Body, a}
	upgraded, ok := res.Body.(io.ReadWriteCloser)
	if !ok {
		res.Body = &a.body
		return
	}
	// Caddy asks what the body of an upgraded connection can do besides reading.
	if half, ok := upgraded.(closeWriter); ok {
		res.Body = &halfClosable{&a.body, upgraded, half}
	} else {
		res.Body = &writable{&a.body, upgraded}
	}
}

type followedBody struct {
	io.ReadCloser
	attempt *Attempt
}

func (b *followedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.attempt.end()
	}
	return n, err
}

func (b *followedBody) Close() error {
	defer b.attempt.end()
	return b.ReadCloser.Close()
}

type closeWriter interface{ CloseWrite() error }

// writable is the body of an upgraded connection. It is over when it is closed: one
// side may have said all it has while the other still talks.
type writable struct {
	*followedBody
	io.Writer
}

func (b *writable) Read(p []byte) (int, error) { return b.ReadCloser.Read(p) }

type halfClosable struct {
	*followedBody
	io.Writer
	closeWriter
}

func (b *halfClosable) Read(p []byte) (int, error) { return b.ReadCloser.Read(p) }

// timeBody makes the time in which the client is slow to send its body not count
// as the endpoint's. The request may not be changed by a transport, so it is copied.
func (a *Attempt) timeBody(req *http.Request) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	timed := *req
	timed.Body = &timedBody{req.Body, a}
	return &timed
}

type timedBody struct {
	io.ReadCloser
	attempt *Attempt
}

func (b *timedBody) Read(p []byte) (int, error) {
	from := load.Now()
	n, err := b.ReadCloser.Read(p)
	b.attempt.pause(from, load.Now())
	return n, err
}
