package attempt

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

func TestATrialEndsWithItsFirstByteOrWithoutOne(t *testing.T) {
	never := func(r *http.Request) (*http.Response, error) {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	for name, c := range map[string]struct {
		backend backend
		do      func(x *exchange)
	}{
		"answered": {func(*http.Request) (*http.Response, error) { return respond(200, &tunnel{}) },
			func(x *exchange) { x.transport.RoundTrip(x.request) }},
		"upgraded": {func(*http.Request) (*http.Response, error) { return respond(101, &tunnel{}) },
			func(x *exchange) { x.transport.RoundTrip(x.request) }},
		"failed": {func(*http.Request) (*http.Response, error) { return nil, http.ErrServerClosed },
			func(x *exchange) { x.transport.RoundTrip(x.request) }},
		"client gone": {never, func(x *exchange) {
			time.AfterFunc(time.Second, x.cancel)
			x.transport.RoundTrip(x.request)
		}},
		"never sent": {never, func(x *exchange) { x.cancel() }},
	} {
		t.Run(name, func(t *testing.T) {
			watchedBubble(t, c.backend, func(t *testing.T, x *exchange) {
				var got results
				x.roster.Watch(&got)
				defer x.roster.Watch(nil)
				x.endpoint.Set(endpoint.HalfOpen, true)
				x.endpoint.Reserve(0) // an older request
				defer x.endpoint.Release()
				if !x.attempts.Take(x.endpoint, 0) {
					t.Fatal("there was no place for a trial")
				}
				if x.attempts.Take(x.endpoint, 0) {
					t.Error("there was a place for a second trial")
				}
				c.do(x)
				x.inFlight() // waits
				if !x.endpoint.IsTrialDue(load.Now()) {
					t.Error("the trial has not ended")
				}
				for _, r := range got {
					if !r.Trial {
						t.Errorf("the result %+v is not that of a trial", r)
					}
				}
			})
		})
	}
}

func TestARequestFromBeforeTheEjectionIsNoTrial(t *testing.T) {
	ok := func(*http.Request) (*http.Response, error) { return respond(200, http.NoBody) }
	watchedBubble(t, ok, func(t *testing.T, x *exchange) {
		var got results
		x.roster.Watch(&got)
		defer x.roster.Watch(nil)
		x.pick()
		x.endpoint.Set(endpoint.HalfOpen, true)
		x.transport.RoundTrip(x.request)
		if len(got) != 1 || got[0].Trial {
			t.Errorf("the outlier detector got %+v", got)
		}
	})
}

func TestAHalfOpenConditionThatNothingWatchesLimitsNothing(t *testing.T) {
	ok := func(*http.Request) (*http.Response, error) { return respond(200, http.NoBody) }
	bubble(t, ok, func(t *testing.T, x *exchange) {
		x.endpoint.Set(endpoint.HalfOpen, true)
		for range 2 {
			if !x.attempts.Take(x.endpoint, 0) {
				t.Error("a condition of an earlier definition limits requests")
			}
		}
	})
}
