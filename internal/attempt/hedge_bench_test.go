package attempt

import (
	"net/http"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// BenchmarkHedging shows what a request costs that may be hedged and is not, beside one that may
// not.
func BenchmarkHedging(b *testing.B) {
	roster, release := endpoint.AcquireStatic()
	defer release()
	roster.Replace([]listing.Info{{Address: "a:1", Weight: 1}})
	e, r := roster.Snapshot().Members[0].Endpoint, servedRequest(b)
	sent := sentRequest(r)
	vars := r.Context().Value(caddyhttp.VarsCtxKey).(map[string]any)
	for name, hedgings := range map[string][]Hedging{
		"hedge=off": nil,
		"hedge=on": {{Roster: roster, Share: .95, Most: .05, Pick: func(*http.Request) (*endpoint.Endpoint, bool) {
			return nil, false
		}}},
	} {
		t := &Transport{
			RoundTripper: backend(answerAsNetHTTP), Decay: DefaultDecay, routes: new(load.Routes),
			rosters: []*endpoint.Roster{roster}, hedgings: hedgings,
		}
		t.key = "balance.attempts.0xc000123456"
		attempts := t.Attempts(r)
		for range 200 { // otherwise the times of the route are unknown
			attempts.Route(e, 0).Tail().Observe(time.Second)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				vars[t.key] = nil // a request has variables of its own
				e.Reserve(0)
				t.Attempts(r).Begin(e)
				exchangeBody(b, t, sent)
			}
		})
	}
}
