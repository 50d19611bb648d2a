package status

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

func TestTheStatusOfAPoolShowsItsLimitsIfItHasAny(t *testing.T) {
	for want, settings := range map[string]limit.Settings{
		`null`: {},
		`{"max_in_flight":7,"admitted":1,"queue_length":3,"queue_seconds":0.5,"classes":{` +
			`"critical":{"waiting":0,"shed":0},"normal":{"waiting":0,"shed":0},"sheddable":{"waiting":0,"shed":0}},` +
			`"refused_retries":0,"retries_left":30}`: {
			Retries: limit.BudgetSettings{On: true, PerSecond: 3},
			Gate:    limit.GateSettings{MaxInFlight: 7, QueueLength: 3, QueueTimeout: 500 * time.Millisecond},
		},
	} {
		claim, err := endpoint.Acquire(endpoint.Definition{
			Config: want, Name: "limited", Limits: settings, Run: func(context.Context, *endpoint.Roster) {},
		})
		if err != nil {
			t.Fatal(err)
		}
		claim.Roster.Limits().Gate.TryEnter()
		if got, _ := json.Marshal(newLimitsStatus(claim.Roster, load.Now())); string(got) != want {
			t.Errorf("got %s\nwant %s", got, want)
		}
		claim.Release()
	}
}

func TestTheStatusOfAnEndpointShowsItsAdaptiveLimit(t *testing.T) {
	for want, settings := range map[int]*limit.AdaptiveSettings{0: nil, 20: {Min: 3, Max: 20, Tolerance: 1.5}} {
		claim, err := endpoint.Acquire(endpoint.Definition{
			Config: want, Name: "adaptive", Limits: limit.Settings{Adaptive: settings},
			Run: func(_ context.Context, r *endpoint.Roster) {
				r.Replace([]listing.Info{{Address: "10.0.0.1:80", Weight: 1}})
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		<-claim.Roster.Answered()
		if got := newReader(claim.Roster).all()[0].AdaptiveLimit; got != want {
			t.Errorf("the limit is %d, want %d", got, want)
		}
		claim.Release()
	}
}
