package attempt

import (
	"io"
	"math/rand/v2"
	"net/http"
	"runtime"
	"strings"
	"testing"
)

func TestARequestMayEndAtTheMomentItIsSent(t *testing.T) {
	ok := func(*http.Request) (*http.Response, error) { return respond(200, io.NopCloser(strings.NewReader("x"))) }
	for range 20_000 {
		x := start(t, ok)
		x.pick()
		go x.cancel()
		for spins := 1; x.request.Context().Err() == nil; spins++ { // spin, to notice the end at once
			if spins%1000 == 0 {
				runtime.Gosched() // a single processor would spin for the 10 ms until it is taken away
			}
		}
		for range rand.IntN(3000) { // up to a microsecond, which is about when the end is noticed
		}
		x.transport.RoundTrip(x.request)
		for x.endpoint.InFlight() > 0 { // the watcher of the request's end has its own goroutine
			runtime.Gosched()
		}
		if waiting := x.endpoint.Load.Waiting(); waiting != 0 {
			t.Fatalf("%d requests are still waiting", waiting)
		}
	}
}
