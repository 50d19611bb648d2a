package command_test

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
)

// TestWatchMissesNothingWhenTheStreamEnds has an endpoint that sends one event on each stream.
func TestWatchMissesNothingWhenTheStreamEnds(t *testing.T) {
	for _, c := range []struct{ flag, want string }{
		{"", "8 state 10.0.0.1:80 ejected: it fails\n"},
		{"--json", `{"revision": 8, "time": "2027-01-02T15:04:05Z", "kind": "state", "address": "10.0.0.1:80", "event": "ejected", "reason": "it fails"}` + "\n"},
	} {
		ctx, cancel := context.WithCancel(t.Context())
		address := serve(t, func(w http.ResponseWriter, r *http.Request) {
			last := r.Header.Get("Last-Event-ID")
			switch {
			case r.URL.Path == "/pools/web":
				fmt.Fprint(w, `{"name": "web", "revision": 7}`)
			case last == "7":
				fmt.Fprint(w, ": nothing new\n\nid: 8\nevent: state\ndata: "+
					`{"revision": 8, "time": "2027-01-02T15:04:05Z", "kind": "state", "address": "10.0.0.1:80", "event": "ejected", "reason": "it fails"}`+"\n\n")
			case last == "8":
				cancel() // all that there is has arrived
			default:
				t.Errorf("resumes from %q", last)
				cancel()
			}
		})
		args := strings.Fields("watch web " + c.flag)
		var out, errs bytes.Buffer
		code := poolsUntil(ctx, &out, &errs, address, args...)
		if code != 0 || !strings.HasSuffix(out.String(), c.want) || strings.Count(out.String(), "\n") != 1 {
			t.Errorf("%q: code %d, %s%s", args, code, &out, &errs)
		}
	}
}

func TestARequestThatAReloadCutsOffIsSentAgain(t *testing.T) {
	var calls atomic.Int32
	stub := twoPools()
	address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if calls.Add(1) == 1 {
			panic(http.ErrAbortHandler) // closes the connection without an answer
		}
		stub.ServeHTTP(w, r)
	})
	if got := pools(address, "drain", "web", "10.0.0.2:80"); got.code != 0 || calls.Load() != 2 {
		t.Errorf("%+v after %d calls", got, calls.Load())
	}
}
