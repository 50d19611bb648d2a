package attempt

import (
	"bytes"
	"io"
	"net"
	"net/http"
	"testing"
)

// When the endpoint ends the connection after the header, net/http closes it while it may still
// write the body. The error of that is like one of a header that could not be written.
func TestARequestWhoseHeaderWasSentIsNotRepeatedAsUnwritten(t *testing.T) {
	for name, began := range map[string]bool{"nothing was sent": false, "the header was sent": true} {
		t.Run(name, func(t *testing.T) {
			unwritten := &net.OpError{Op: "write", Net: "tcp", Err: net.ErrClosed}
			b := func(r *http.Request) (*http.Response, error) {
				if began {
					_, _ = r.Body.Read(make([]byte, 1))
				}
				return overConnections(0, unwritten, true)(r)
			}
			watchedBubble(t, b, func(t *testing.T, x *exchange) {
				repeated := false
				x.transport.fresh = func() http.RoundTripper {
					return backend(func(*http.Request) (*http.Response, error) {
						repeated = true
						return respond(200, http.NoBody)
					})
				}
				x.traced()
				x.request.Method = http.MethodPost
				x.request.Body, x.request.ContentLength = io.NopCloser(bytes.NewReader([]byte("body"))), 4
				x.send()
				if repeated == began {
					t.Errorf("it was repeated: %v", repeated)
				}
			})
		})
	}
}
