package attempt

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

// breaking is a body that ends with an error.
type breaking struct{ err error }

func (b breaking) Read([]byte) (int, error) { return 0, b.err }
func (b breaking) Close() error             { return nil }

func TestAnAnswerThatBreaksOffIsAFailure(t *testing.T) {
	for name, c := range map[string]struct {
		body    io.ReadCloser
		leaves  bool // whether the client has gone by then
		failure bool
	}{
		"whole":              {io.NopCloser(strings.NewReader("all")), false, false},
		"reset":              {breaking{errors.New("connection reset by peer")}, false, true},
		"cut":                {breaking{io.ErrUnexpectedEOF}, false, true},
		"too slow":           {breaking{context.DeadlineExceeded}, false, true},
		"cancelled":          {breaking{context.Canceled}, false, false},
		"after a client":     {breaking{io.ErrUnexpectedEOF}, true, false},
		"closed by a client": {io.NopCloser(strings.NewReader("all")), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			answers := func(*http.Request) (*http.Response, error) {
				time.Sleep(time.Millisecond)
				return respond(http.StatusOK, c.body)
			}
			bubble(t, answers, func(t *testing.T, x *exchange) {
				x.pick()
				response, err := x.transport.RoundTrip(x.request)
				if err != nil {
					t.Fatal(err)
				}
				if c.leaves {
					x.cancel()
					x.expect(t, "when the client has gone", 0, 0)
				}
				io.Copy(io.Discard, response.Body)
				response.Body.Close()
				x.expect(t, "over", 0, 0)
				if got := x.surprise() > 0; got != c.failure {
					t.Errorf("surprise %v", x.surprise())
				}
			})
		})
	}
}
