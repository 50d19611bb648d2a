package attempt

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// stallsAfter is how long the client may keep the endpoint waiting for the body until it stalls.
// Endpoints give up on uploads after 5 s (HAProxy's example) to 60 s (NGINX), and an endpoint that
// breaks while data flows is broken.
const stallsAfter = time.Second

// upload is what the client did so far to send its request. The lock of the attempt guards it.
type upload struct {
	since   load.Instant // when the transport began to read
	reading bool         // it reads from the client, so the endpoint waits for that
	asking  bool         // a read has not returned yet
	taken   bool         // something was read, and is not buffered
	failed  bool         // the body ended with an error: it is malformed or too large, or the client left
	stalled bool         // the transport gave up a read for which the client had stalled
}

// timeBody excludes the time in which the client is slow to send its body from the endpoint's
// latency. It returns a copy, because a transport must not change the request.
func (a *Attempt) timeBody(req *http.Request) *http.Request {
	if req.Body == nil || req.Body == http.NoBody {
		return req
	}
	timed := *req
	timed.Body = &timedBody{ReadCloser: req.Body, attempt: a, start: startOf(req.Body), left: req.ContentLength}
	return &timed
}

// timedBody is the body of a request. The transport may read from it in a goroutine of its own, and
// also after it has returned the response.
type timedBody struct {
	io.ReadCloser
	attempt *Attempt
	start   *bytes.Reader // the body from its start, nil unless Caddy has buffered it whole
	left    int64         // the number of bytes that are still to come; less than 1 if that is not known
	read    atomic.Bool
	closed  atomic.Bool
}

// Read implements io.Reader.
func (b *timedBody) Read(p []byte) (int, error) {
	b.read.Store(true)
	if b.start != nil {
		return b.attempt.readBuffered(b.ReadCloser, p)
	}
	b.attempt.beginRead(load.Now())
	n, err := b.ReadCloser.Read(p)
	b.left -= int64(n)
	b.attempt.endRead(load.Now(), n > 0, b.failed(err), err != nil && b.closed.Load())
	return n, err
}

// failed reports whether an error of a read means that the client did not send what it should. A
// body may also end too early, with HTTP/3. A read from a body that the transport has closed fails
// whatever the client does.
func (b *timedBody) failed(err error) bool {
	return err != nil && (!errors.Is(err, io.EOF) || b.left > 0) && !b.closed.Load()
}

// errEnded ends the upload of a request that has its whole response.
var errEnded = errors.New("the request has ended")

// readBuffered reads from a body that Caddy has buffered, which takes no time of the client. After
// the attempt it reads nothing more: when the handler returns, Caddy gives the buffer to another
// request, while the transport may still be sending after an early answer.
func (a *Attempt) readBuffered(body io.Reader, p []byte) (int, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage == ended {
		return 0, errEnded
	}
	return body.Read(p)
}

// Close implements io.Closer. It leaves a body open of which nothing was read, as Caddy does, so
// that the request can be repeated. The server closes it.
func (b *timedBody) Close() error {
	b.closed.Store(true)
	if !b.read.Load() {
		return nil
	}
	return b.ReadCloser.Close()
}

// beginRead stops the endpoint's clock. Until endRead the request does not wait for the endpoint,
// so that a client which stalls does not make the endpoint look slow in the meantime either.
func (a *Attempt) beginRead(now load.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.upload.asking = true
	if a.stage == waiting && !a.upload.reading {
		a.endpoint.Load.Pause(&a.load, now)
		a.upload.reading, a.upload.since = true, now
		a.freed()
	}
}

// endRead starts the endpoint's clock again, so that only the endpoint's own time counts. With
// HTTP/2 an answer ends the read before it arrives here: the transport closes the body, because the
// endpoint needs no more of it.
func (a *Attempt) endRead(now load.Instant, taken, failed, closed bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.upload.asking, a.upload.taken = false, a.upload.taken || taken
	a.upload.failed = a.upload.failed || failed
	a.upload.stalled = closed && a.stalls(now)
	if a.stage == waiting && a.upload.reading {
		a.endpoint.Load.Resume(&a.load, now)
	}
	a.upload.reading = false
}

func (a *Attempt) stalls(now load.Instant) bool {
	return a.upload.stalled || a.upload.reading && now.Sub(a.upload.since) >= stallsAfter
}

// clientIsToBlame reports whether an attempt that ends now ends because of what the client sent, or
// did not send.
func (a *Attempt) clientIsToBlame(now load.Instant) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.upload.failed || a.stalls(now)
}
