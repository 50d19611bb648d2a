package attempt

import (
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// net/http and x/net/http2 export none of these errors, and wrap some as text only. Tests with real
// connections fail if an upgrade changes a text that matters.
const (
	// midResponse is what net/http puts before an error that came after the first byte of a
	// response, and before one of writing the request.
	midResponse = "net/http: HTTP/1.x transport connection broken: "

	goAwayLost = "server sent GOAWAY and closed the connection"
	lostHTTP2  = "http2: client connection lost"
)

// unprocessed are the texts of errors that mean that the endpoint has not processed the request.
var unprocessed = [...]string{
	"http: server closed idle connection",        // before anything was written
	"readLoopPeekFailLocked: ",                   // the same with a reset
	"received Server's graceful shutdown GOAWAY", // the stream is beyond the last one
	"REFUSED_STREAM",                             // RFC 9113, 8.7: no processing has occurred
	"http2: client conn not usable",              // the connection ended before the stream began
}

// isUnprocessed reports whether an error of a round trip means that the endpoint certainly has not
// processed the request.
func isUnprocessed(err error) bool {
	text := err.Error()
	for _, part := range unprocessed {
		if strings.Contains(text, part) {
			return true
		}
	}
	return false
}

// isUnwritten reports whether an error of an HTTP/1 round trip means that nothing was written, if
// the transport has not begun to read the body. net/http puts midResponse before an error of
// writing the header only if some of it was written, and before none of writing the body. With
// HTTP/2 the header may have arrived when the body cannot be written.
func isUnwritten(err error) bool {
	return isWriteError(err) && !strings.HasPrefix(err.Error(), midResponse)
}

// isOfRequest reports whether an error of a round trip means that the transport has refused the
// request before it reached the endpoint. Such requests come from clients: with FastCGI these are
// bodies of unknown length and paths that no script has, with HTTP they are values that a header
// must not have, such as a path with a line break that the config copies to a field.
func isOfRequest(err error) bool {
	var refused caddyhttp.HandlerError
	if errors.As(err, &refused) {
		return refused.StatusCode >= http.StatusBadRequest && refused.StatusCode < http.StatusInternalServerError
	}
	return strings.HasPrefix(err.Error(), "net/http: invalid ")
}

// isBreak reports whether an error of a round trip means that the connection ended before the first
// byte of a response.
func isBreak(err error) bool {
	if text := err.Error(); strings.HasPrefix(text, midResponse) {
		return isWriteError(err)
	} else if strings.Contains(text, goAwayLost) || strings.Contains(text, lostHTTP2) {
		return true
	}
	// With HTTP/2 a connection that ends is an unexpected EOF. With HTTP/1 that is a response which
	// breaks off in its header, and has the text above.
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isReset(err) || isUnprocessed(err)
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) ||
		errors.Is(err, syscall.ECONNABORTED) || errors.Is(err, net.ErrClosed)
}

func isWriteError(err error) bool {
	var failed *net.OpError
	return errors.As(err, &failed) && failed.Op == "write" && isReset(err)
}
