package attempt

import (
	"net/http"
	"testing"
	"time"
)

// A client that leaves soon would otherwise make a route of long polls one of quick requests.
func TestTheTimeUntilAClientLeavesIsNotThatOfItsRoute(t *testing.T) {
	waits := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	bubble(t, waits, func(t *testing.T, x *exchange) {
		x.pick()
		go func() {
			time.Sleep(time.Second)
			x.cancel()
		}()
		if _, err := x.transport.RoundTrip(x.request); err == nil {
			t.Fatal("there is an answer")
		}
		x.expect(t, "after the client has left", 0, 0)
		if !x.attempts.route.Route.Unknown() {
			t.Error("the time counts")
		}
	})
}
