package traffic

import (
	"net/http"
	"sync/atomic"
	"testing"
)

// failing is two backends. Once it is armed, the one that is asked first fails when it is released,
// and the other one does what then does.
type failing struct {
	fleet
	armed    atomic.Bool
	first    atomic.Pointer[backend]
	released chan struct{}
	asked    chan struct{} // gets an element for each request at the other one
}

func startFailing(t *testing.T, then handlerFunc) *failing {
	f := &failing{released: make(chan struct{}), asked: make(chan struct{}, 100)}
	f.fleet = startBackends(t, 2, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if !f.armed.Load() {
			writeName(b, w, r)
			return
		}
		f.first.CompareAndSwap(nil, b)
		switch b {
		case f.first.Load():
			select {
			case <-f.released:
			case <-r.Context().Done():
			}
			closeConnection(w)
		default:
			f.asked <- struct{}{}
			then(b, w, r)
		}
	})
	return f
}

// begin sends a request, and returns its answer when both backends have got it.
func (f *failing) begin(t *testing.T, limits string) (*client, chan answer) {
	c := startProxyWith(t, "", poolWith(staticEndpoints(f.fleet, "", "")+hedged+limits, roundRobin)).client()
	teach(t, c)
	f.armed.Store(true)
	done := make(chan answer, 1)
	go func() {
		a, _ := c.get("/")
		done <- a
	}()
	receive(t, f.asked)
	return c, done
}

// The first attempt still runs when the answer to the second one is not taken.
func TestAHedgedRequestKeepsItsPlaceInThePool(t *testing.T) {
	f := startFailing(t, func(_ *backend, w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	})
	c, done := f.begin(t, "\nmax_in_flight 1")
	for range 20 {
		expectStatus(t, http.StatusServiceUnavailable)(c.get("/"))
	}
	close(f.released)
	receive(t, done)
}

func TestAHungSecondAttemptDoesNotHoldUpTheErrorOfTheFirst(t *testing.T) {
	f := startFailing(t, func(_ *backend, _ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	_, done := f.begin(t, "")
	close(f.released)
	if a := receive(t, done); a.status != http.StatusBadGateway {
		t.Errorf("got %d", a.status)
	}
}
