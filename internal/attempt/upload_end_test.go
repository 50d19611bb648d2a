package attempt

import (
	"errors"
	"io"
	"net/http"
	"testing"
	"time"
)

func TestABodyThatEndsTooEarlyIsNotTheEndpointsFault(t *testing.T) {
	// net/http notices that the body is shorter than the request says, after it has sent it.
	noticing := func(r *http.Request) (*http.Response, error) {
		n, err := io.Copy(io.Discard, r.Body)
		if n < r.ContentLength {
			err = errors.New("http: ContentLength=900 with Body length 5")
		}
		time.Sleep(10 * time.Millisecond)
		if err != nil {
			return nil, err
		}
		return respond(200, http.NoBody)
	}
	for _, length := range []int64{900, 5, 0} {
		watchedBubble(t, noticing, func(t *testing.T, x *exchange) {
			sent := false
			x.request.ContentLength = length
			got := x.upload(uploadFunc(func() (int, error) {
				if sent {
					return 0, io.EOF
				}
				sent = true
				return 5, nil
			}))
			x.expectNoBlame(t, got)
			if (len(got) == 0) != (length == 900) {
				t.Errorf("with 5 of %d bytes the outlier detector got %+v", length, got)
			}
		})
	}
}

// closedUpload is the upload of a client that sends nothing, by HTTP/2: closing it ends a read.
type closedUpload chan struct{}

func (c closedUpload) Read([]byte) (int, error) { <-c; return 0, errors.New("body closed by handler") }
func (c closedUpload) Close() error             { close(c); return nil }

func TestAReadThatTheTransportGivesUpIsThatOfAStalledUpload(t *testing.T) {
	for after, blamed := range map[time.Duration]bool{time.Minute: false, 50 * time.Millisecond: true} {
		b := func(r *http.Request) (*http.Response, error) {
			read := make(chan error)
			go func() { _, err := io.Copy(io.Discard, r.Body); read <- err }()
			time.Sleep(after)
			r.Body.Close()
			<-read
			return respond(500, http.NoBody)
		}
		watchedBubble(t, b, func(t *testing.T, x *exchange) {
			got := x.upload(make(closedUpload))
			if !blamed {
				x.expectNoBlame(t, got)
			} else if len(got) != 1 || got[0].Status != 500 {
				t.Errorf("the outlier detector got %+v of a failure while data flows", got)
			}
		})
	}
}
