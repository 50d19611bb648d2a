package attempt

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// closable is a body that says when it is closed.
type closable struct {
	io.Reader
	closed bool
}

func (c *closable) Close() error {
	c.closed = true
	return nil
}

// The second endpoint answers as the wait for it ends, and its answer can no longer be read.
func TestAnAnswerToASecondAttemptThatWasEndedIsNotTaken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		body := &closable{Reader: strings.NewReader("late")}
		broken := errors.New("connection reset")
		h := startHedging(t, func(r *http.Request) (*http.Response, error) {
			if isSecond(r) {
				<-r.Context().Done()
				return respond(http.StatusOK, body)
			}
			time.Sleep(time.Second)
			return nil, broken
		}, func() {})
		defer h.cancel()
		h.pick()
		res, err := h.transport.RoundTrip(h.request)
		if err == nil {
			t.Fatalf("got the answer %d, want the error of the first attempt", res.StatusCode)
		}
		if !errors.Is(err, broken) {
			t.Error(err)
		}
		if !body.closed {
			t.Error("the late answer is still open")
		}
		h.expectNothingInFlight(t)
	})
}
