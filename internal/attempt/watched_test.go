package attempt

import (
	"context"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// results records what the outlier detector gets.
type results []endpoint.Result

func (r *results) Observe(_ *endpoint.Endpoint, result endpoint.Result) { *r = append(*r, result) }

func (*results) Forget(*endpoint.Endpoint) {}

// watchedBubble is bubble for a pool with an outlier detector.
func watchedBubble(t *testing.T, b backend, f func(t *testing.T, x *exchange)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		claim, err := endpoint.Acquire(endpoint.Definition{
			Config: t, Name: t.Name(), Owner: endpoint.Owner{Logger: zap.NewNop()},
			Rules: endpoint.Rules{Watched: endpoint.Ejected | endpoint.HalfOpen},
			Run:   func(ctx context.Context, _ *endpoint.Roster) { <-ctx.Done() },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer claim.Release()
		x := startAt(t, claim.Roster, b)
		defer x.cancel()
		f(t, x)
	})
}

// send sends the request, and returns what the outlier detector got.
func (x *exchange) send() (got results) {
	x.roster.Watch(&got)
	defer x.roster.Watch(nil)
	x.pick()
	x.transport.RoundTrip(x.request)
	return got
}
