package attempt

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// The addresses of the two attempts may be those of one server.
const firstAddress, secondAddress = "[::1]:1", "127.0.0.1:1"

// hedging is an exchange whose request waits so long that a second attempt is due.
type hedging struct {
	*exchange
	other *endpoint.Endpoint
	logs  *observer.ObservedLogs
}

// startHedging starts an exchange at the first address, which a second attempt is to follow. pick
// is called before an endpoint is picked for it.
func startHedging(t *testing.T, b backend, pick func()) *hedging {
	t.Helper()
	x := start(t, b)
	x.roster.Replace([]listing.Info{{Address: firstAddress, Weight: 1}, {Address: secondAddress, Weight: 1}})
	x.endpoint = x.roster.Snapshot().Find(firstAddress).Endpoint
	x.request = x.request.WithContext(context.WithValue(x.request.Context(), dialInfoKey, dialInfoOf(firstAddress)))
	x.request.URL.Host = firstAddress
	x.attempts = x.transport.Attempts(x.request)
	h := &hedging{exchange: x, other: x.roster.Snapshot().Find(secondAddress).Endpoint}
	core, logs := observer.New(zap.ErrorLevel)
	h.logs = logs
	x.transport.handler = new(reverseproxy.Handler)
	x.transport.Observe(x.roster)
	x.transport.Hedge(Hedging{
		Roster: x.roster, Share: .95, Most: 1, Log: zap.New(core),
		Pick: func(r *http.Request) (*endpoint.Endpoint, bool) {
			pick()
			x.transport.Attempts(r).Take(h.other, 0)
			return h.other, false
		},
	})
	for range 200 { // so that the times of the route are known
		x.attempts.Route(x.endpoint, 0).Tail().Observe(10 * time.Millisecond)
	}
	for range 20 {
		x.endpoint.EarnHedge(1)
	}
	return h
}

// isSecond reports whether a round trip is that of the second attempt.
func isSecond(r *http.Request) bool { return r.URL.Host == secondAddress }

func (h *hedging) expectPanic(t *testing.T, of string) {
	t.Helper()
	lines := h.logs.FilterMessage("second attempt of a request panicked").All()
	if len(lines) != 1 || lines[0].ContextMap()["error"] != of || lines[0].ContextMap()["stack"] == "" {
		t.Errorf("logged %v", lines)
	}
}

func (h *hedging) expectNothingInFlight(t *testing.T) {
	t.Helper()
	synctest.Wait()
	if a, b := h.endpoint.InFlight(), h.other.InFlight(); a != 0 || b != 0 {
		t.Errorf("%d and %d are in flight", a, b)
	}
}

func slow(r *http.Request) (*http.Response, error) {
	select {
	case <-time.After(time.Minute):
	case <-r.Context().Done():
		return nil, r.Context().Err()
	}
	return respond(http.StatusOK, io.NopCloser(strings.NewReader(r.URL.Host)))
}

// expectBody sends the request, and reads its answer.
func (h *hedging) expectBody(t *testing.T, want string) {
	t.Helper()
	h.pick()
	res, err := h.transport.RoundTrip(h.request)
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := io.ReadAll(res.Body); string(got) != want {
		t.Errorf("%s answered, want %s", got, want)
	}
}

func TestAPolicyThatPanicsForASecondAttemptEndsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := startHedging(t, slow, func() { panic("oops") })
		defer h.cancel()
		h.expectBody(t, firstAddress)
		h.expectPanic(t, "the policy panicked: oops")
		h.expectNothingInFlight(t)
		if h.attempts.IsHedge() || !h.endpoint.SpendHedge() {
			t.Error("the second attempt was not taken back")
		}
	})
}

// The policy has reserved a place before it panics.
func TestThePlaceOfASecondAttemptWhosePolicyPanicsIsGivenBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var h *hedging
		h = startHedging(t, slow, func() {
			h.attempts.Take(h.other, 0)
			panic("oops")
		})
		defer h.cancel()
		h.expectBody(t, firstAddress)
		h.expectPanic(t, "the policy panicked: oops")
		h.expectNothingInFlight(t)
	})
}

func TestATransportThatPanicsInASecondAttemptEndsNothing(t *testing.T) {
	for name, c := range map[string]struct {
		value any
		lines int
	}{"any value": {"oops", 1}, "the value that net/http does not log": {http.ErrAbortHandler, 0}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startHedging(t, func(r *http.Request) (*http.Response, error) {
					if isSecond(r) {
						panic(c.value)
					}
					return slow(r)
				}, func() {})
				defer h.cancel()
				h.expectBody(t, firstAddress)
				if h.logs.Len() != c.lines {
					t.Errorf("%d lines were logged", h.logs.Len())
				}
				h.expectNothingInFlight(t)
			})
		})
	}
}

func TestWatchersGetTheEndpointWhoseAnswerTheClientGets(t *testing.T) {
	for want, answers := range map[string]func(second bool) bool{
		secondAddress: func(second bool) bool { return second },
		firstAddress:  func(second bool) bool { return !second },
	} {
		t.Run(want, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				h := startHedging(t, func(r *http.Request) (*http.Response, error) {
					if answers(isSecond(r)) {
						time.Sleep(2 * time.Second)
						return respond(http.StatusOK, io.NopCloser(strings.NewReader(r.URL.Host)))
					}
					return slow(r)
				}, func() {})
				defer h.cancel()
				var seen []string
				h.transport.WatchAnswers(func(e *endpoint.Endpoint, _ *http.Response) {
					seen = append(seen, e.Address())
				})
				h.expectBody(t, want)
				if len(seen) != 1 || seen[0] != want {
					t.Errorf("the watcher saw answers of %v", seen)
				}
			})
		})
	}
}

func TestARefusalBesideASecondAttemptThatIsAnsweredCounts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sent := make(chan struct{})
		h := startHedging(t, func(r *http.Request) (*http.Response, error) {
			if isSecond(r) {
				close(sent)
				time.Sleep(time.Millisecond)
				return respond(http.StatusOK, io.NopCloser(strings.NewReader(r.URL.Host)))
			}
			<-sent
			return nil, reverseproxy.NewDialError(errors.New("connection refused"))
		}, func() {})
		defer h.cancel()
		h.expectBody(t, secondAddress)
		if !h.endpoint.Is(endpoint.Refused) || h.other.Is(endpoint.Refused) {
			t.Error("the endpoint that refused the request is not left out")
		}
	})
}
