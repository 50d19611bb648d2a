package attempt

import (
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"reflect"
	"slices"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// send makes the round trip, and returns when it got its connection. If a kept connection breaks as
// it is used, that says nothing of the endpoint, and send repeats the request once on a fresh
// connection where HTTP allows it.
//
// net/http repeats by itself only GET, HEAD, OPTIONS and TRACE, requests with an Idempotency-Key,
// and those of which it wrote nothing, all of them only without a body: Caddy's requests have no
// GetBody. It does not repeat those either if HTTP/2 loses the connection.
func (a *Attempt) send(
	req *http.Request, next http.RoundTripper,
) (res *http.Response, connected load.Instant, err error) {
	req = a.timeBody(req)
	used := watchConnection(req)
	defer used.release()
	req = a.closable(req, used)
	res, err = next.RoundTrip(req)
	if err != nil && req.Context().Err() == nil {
		if a.keptBroke = used.brokeAsUsed(err); a.keptBroke {
			a.endpoint.CountBroken(1)
			if transport, again := a.transport.repeat(req, used.conn, err); again != nil {
				a.restart(load.Now())
				used.kept.Store(false)
				res, err = transport.RoundTrip(again)
				a.keptBroke = err != nil && used.brokeAsUsed(err)
			}
		}
	}
	if used != nil {
		a.endpoint.CountBroken(used.replaced.Load())
	}
	return res, used.at(), err
}

func (a *Attempt) setConnected(at load.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.times.connected = at
}

// restart makes the wait for the endpoint begin again.
func (a *Attempt) restart(now load.Instant) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.stage == waiting {
		a.endpoint.Load.Restart(&a.load, now)
	}
}

// repeat returns the request to send again after an error on a connection, and the transport for
// it. The request is nil if it must not be repeated.
func (t *Transport) repeat(req *http.Request, conn net.Conn, err error) (http.RoundTripper, *http.Request) {
	if t.fresh == nil || t.fresh() == nil {
		return nil, nil
	}
	http2 := t.speaksHTTP2(conn)
	unprocessed := isUnprocessed(err) || !http2 && isUnwritten(err) && !bodyBegan(req)
	if !unprocessed && !isIdempotent(req.Method) && !t.matchesRetry(req) {
		return nil, nil
	}
	if http2 {
		// Such a connection carries all requests, and a new one has taken its place.
		return t.RoundTripper, rewound(req)
	}
	return t.fresh(), rewound(req)
}

// speaksHTTP2 reports whether a connection of the transport carries HTTP/2.
func (t *Transport) speaksHTTP2(conn net.Conn) bool {
	if secured, ok := conn.(*tls.Conn); ok {
		return secured.ConnectionState().NegotiatedProtocol == "h2"
	}
	h, ok := t.RoundTripper.(*reverseproxy.HTTPTransport)
	return ok && slices.Contains(h.Versions, "h2c")
}

// bodyBegan reports whether the transport has begun to read the body. With HTTP/1 it has then sent
// the header.
func bodyBegan(req *http.Request) bool {
	body, ok := req.Body.(*timedBody)
	return ok && body.read.Load()
}

// rewound returns the request with its body from the start, nil if that is gone.
func rewound(req *http.Request) *http.Request {
	body, ok := req.Body.(*timedBody)
	if !ok {
		return req // it has no body
	}
	source := body.ReadCloser
	if body.start != nil {
		source = io.NopCloser(body.start)
	} else if body.read.Load() {
		return nil
	}
	again := *req
	again.Body = &timedBody{ReadCloser: source, attempt: body.attempt, start: body.start, left: req.ContentLength}
	return &again
}

// isIdempotent reports whether a proxy may repeat a request by its method (RFC 9110, 9.2.2).
func isIdempotent(method string) bool {
	switch method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace, http.MethodPut, http.MethodDelete:
		return true
	}
	return false
}

// matchesRetry reports whether the handler's lb_retry_match allows to repeat the request.
func (t *Transport) matchesRetry(req *http.Request) bool {
	if len(t.retries.match) == 0 {
		return false
	}
	if values, ok := req.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		values.Set("http.reverse_proxy.is_transport_error", true) // as Caddy does before it matches
		defer values.Delete("http.reverse_proxy.is_transport_error")
	}
	matches, err := t.retries.match.AnyMatchWithError(req)
	return matches && err == nil
}

// freshConnections returns a transport like Caddy's own that makes an HTTP/1 connection for each
// request, nil if next is another transport. Caddy's cannot be asked for a new connection: it would
// take the next idle one, which may be as dead. The copy is of no use for HTTP/2, whose connections
// would go to the pool of the original.
func freshConnections(next http.RoundTripper) http.RoundTripper {
	t, ok := next.(*reverseproxy.HTTPTransport)
	if !ok || t.Transport == nil || len(t.Versions) == 1 && t.Versions[0] == "3" {
		return nil
	}
	fresh := t.Transport.Clone()
	fresh.DisableKeepAlives = true
	return fresh
}

// buffered is the type of a body that Caddy has buffered whole (request_buffers).
var buffered = reflect.TypeOf(io.NopCloser(new(bytes.Reader)))

// startOf returns a buffered body from its start, nil if the body is not buffered. The request gets
// no GetBody from it, because with one net/http repeats a refused HTTP/2 stream for a minute, while
// Caddy could try another endpoint.
func startOf(body io.ReadCloser) *bytes.Reader {
	if reflect.TypeOf(body) != buffered {
		return nil
	}
	reader, ok := reflect.ValueOf(body).Field(0).Interface().(*bytes.Reader)
	if !ok {
		return nil
	}
	start := *reader
	return &start
}
