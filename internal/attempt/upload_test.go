package attempt

import (
	"bytes"
	"errors"
	"io"
	"net/http"
	"testing"
	"testing/synctest"
	"time"
)

// uploadFunc is a request body.
type uploadFunc func() (int, error)

func (f uploadFunc) Read([]byte) (int, error) { return f() }
func (f uploadFunc) Close() error             { return nil }

// stalled is the upload of a client that sends nothing more.
func stalled(x *exchange) uploadFunc {
	return func() (int, error) {
		<-x.request.Context().Done()
		return 0, x.request.Context().Err()
	}
}

// upload sends a request with a body, and returns what the outlier detector got.
func (x *exchange) upload(body io.ReadCloser) results {
	x.request.Method, x.request.Body = http.MethodPost, body
	return x.send()
}

func (x *exchange) expectNoBlame(t *testing.T, got results) {
	t.Helper()
	for _, r := range got {
		if r.Failed || r.Status >= 500 {
			t.Errorf("the outlier detector got %+v", r)
		}
	}
	if surprise := x.surprise(); surprise != 0 {
		t.Errorf("the surprise is %v", surprise)
	}
	if mean := x.mean(); mean > 11*time.Millisecond {
		t.Errorf("the mean is %s, and the endpoint took 10ms", mean)
	}
}

// copyingBackend reads the body before it answers, and fails if that fails.
func copyingBackend(r *http.Request) (*http.Response, error) {
	time.Sleep(10 * time.Millisecond)
	if r.Body != nil {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return nil, err
		}
	}
	return respond(200, http.NoBody)
}

func TestABodyThatCannotBeReadIsNotTheEndpointsFault(t *testing.T) {
	for name, known := range map[string]bool{"an endpoint with an estimate": true, "an unknown endpoint": false} {
		t.Run(name, func(t *testing.T) {
			watchedBubble(t, copyingBackend, func(t *testing.T, x *exchange) {
				if known {
					x.upload(nil)
				}
				got := x.upload(uploadFunc(func() (int, error) {
					time.Sleep(3 * time.Second)
					return 0, errors.New("malformed chunked encoding")
				}))
				x.expectNoBlame(t, got)
				x.expect(t, "over", 0, 0)
			})
		})
	}
}

func TestAReadFromAClosedBodyIsNoFaultOfTheClient(t *testing.T) {
	b := func(r *http.Request) (*http.Response, error) {
		r.Body.Close()
		_, err := r.Body.Read(make([]byte, 1))
		return nil, err
	}
	watchedBubble(t, b, func(t *testing.T, x *exchange) {
		got := x.upload(uploadFunc(func() (int, error) { return 0, http.ErrBodyReadAfterClose }))
		if len(got) != 1 || !got[0].Failed {
			t.Errorf("the outlier detector got %+v", got)
		}
	})
}

func TestARequestWhoseClientStallsDoesNotWaitForTheEndpoint(t *testing.T) {
	watchedBubble(t, copyingBackend, func(t *testing.T, x *exchange) {
		first := true
		body := uploadFunc(func() (int, error) {
			if first {
				first = false
				return 1, nil
			}
			return stalled(x)()
		})
		time.AfterFunc(time.Minute, func() {
			x.expect(t, "stalled for a minute", 1, 0)
			x.cancel()
		})
		got := x.upload(body)
		x.expectNoBlame(t, got)
		x.expect(t, "over", 0, 0)
	})
}

func TestARequestWaitsForTheEndpointAgainAfterARead(t *testing.T) {
	reads := 0
	b := func(r *http.Request) (*http.Response, error) {
		io.Copy(io.Discard, r.Body)
		time.Sleep(2 * time.Second)
		return respond(200, http.NoBody)
	}
	watchedBubble(t, b, func(t *testing.T, x *exchange) {
		time.AfterFunc(time.Hour+time.Second, func() {
			if n := x.endpoint.Load.Waiting(); n != 1 {
				t.Errorf("%d requests wait, want 1", n)
			}
		})
		x.upload(uploadFunc(func() (int, error) {
			if reads++; reads > 1 {
				return 0, io.EOF
			}
			time.Sleep(time.Hour)
			return 1, nil
		}))
		if mean := x.mean(); mean < 1990*time.Millisecond || mean > 2010*time.Millisecond {
			t.Errorf("the mean is %s, want 2s", mean)
		}
	})
}

// readsInBackground reads the body as net/http's transport does, and answers after some time.
func readsInBackground(after time.Duration, status int, err error) backend {
	return func(r *http.Request) (*http.Response, error) {
		if r.Body != nil {
			go io.Copy(io.Discard, r.Body)
		}
		time.Sleep(after)
		if err != nil {
			return nil, err
		}
		return respond(status, http.NoBody)
	}
}

func TestAnEndpointThatGivesUpOnAStalledUploadIsNotToBlame(t *testing.T) {
	for name, b := range map[string]backend{
		"408": readsInBackground(time.Minute, 408, nil),
		"500": readsInBackground(time.Minute, 500, nil),
		"cut": readsInBackground(time.Minute, 0, io.EOF),
	} {
		t.Run(name, func(t *testing.T) {
			watchedBubble(t, b, func(t *testing.T, x *exchange) {
				got := x.upload(stalled(x))
				x.expectNoBlame(t, got)
				x.cancel()
				x.expect(t, "over", 0, 0)
			})
		})
	}
}

func TestAnAnswerToAStreamThatGoesOnHasALatency(t *testing.T) {
	watchedBubble(t, readsInBackground(50*time.Millisecond, 200, nil), func(t *testing.T, x *exchange) {
		got := x.upload(stalled(x))
		if mean := x.mean(); mean < 49*time.Millisecond || mean > 51*time.Millisecond {
			t.Errorf("the mean is %s, want 50ms", mean)
		}
		if len(got) != 1 || got[0].Status != 200 || got[0].Latency != 50*time.Millisecond {
			t.Errorf("the outlier detector got %+v", got)
		}
		x.cancel()
		synctest.Wait()
	})
}

func TestAFailureWhileDataFlowsIsTheEndpointsFault(t *testing.T) {
	watchedBubble(t, readsInBackground(50*time.Millisecond, 0, io.ErrUnexpectedEOF), func(t *testing.T, x *exchange) {
		got := x.upload(stalled(x))
		if len(got) != 1 || !got[0].Failed {
			t.Errorf("the outlier detector got %+v", got)
		}
		x.cancel()
		synctest.Wait()
	})
}

func TestABufferedBodyIsNotReadAfterTheAttempt(t *testing.T) {
	var body io.ReadCloser
	early := func(r *http.Request) (*http.Response, error) {
		body = r.Body
		return respond(413, http.NoBody)
	}
	watchedBubble(t, early, func(t *testing.T, x *exchange) {
		x.upload(io.NopCloser(bytes.NewReader([]byte("buffered"))))
		if n, err := body.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%d bytes were read of a buffer that may belong to another request, %v", n, err)
		}
	})
}
