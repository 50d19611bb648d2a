package status

import (
	"context"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func TestAnAdmissionSaysWhatAGateWouldMakeOfARequest(t *testing.T) {
	const noQueue, queueOf2 = 0, 2
	critical, normal, sheddable := limit.Critical, limit.Normal, limit.Sheddable
	for name, c := range map[string]struct {
		queue, inFlight int
		waiting         []limit.Class
		class           limit.Class
		full            bool
		want            endpoint.AdmissionResult
		why             string
	}{
		"room":                 {noQueue, 1, nil, normal, false, endpoint.AdmissionEnters, "1 request in flight, and max_in_flight is 2"},
		"no queue":             {noQueue, 2, nil, normal, false, endpoint.AdmissionRefused, "max_in_flight is 2; the pool has no queue"},
		"an empty queue":       {queueOf2, 2, nil, normal, false, endpoint.AdmissionWaits, "it would be number 1 in the queue, for up to 1h0m0s"},
		"behind its class":     {queueOf2, 2, []limit.Class{normal}, normal, false, endpoint.AdmissionWaits, "number 2"},
		"before a lower class": {queueOf2, 2, []limit.Class{sheddable}, normal, false, endpoint.AdmissionWaits, "number 1"},
		"a full queue":         {queueOf2, 2, []limit.Class{critical, normal}, normal, false, endpoint.AdmissionRefused, "the queue is full, with 2 requests"},
		"a lower class goes":   {queueOf2, 2, []limit.Class{normal, sheddable}, critical, false, endpoint.AdmissionWaits, "a request of a lower class makes room"},
		"all endpoints full":   {queueOf2, 1, nil, normal, true, endpoint.AdmissionWaits, "all endpoints have as many requests as they may; it would be number 1"},
		"full without a queue": {noQueue, 1, nil, normal, true, endpoint.AdmissionRefused, "all endpoints have as many requests as they may; the pool has no queue"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var gate limit.Gate
				s := limit.GateSettings{MaxInFlight: 2, QueueLength: c.queue, QueueTimeout: time.Hour}
				gate.Set(s)
				for range c.inFlight {
					gate.TryEnter()
				}
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				for _, class := range c.waiting {
					go gate.Wait(ctx, limit.NewWaiter(class))
				}
				synctest.Wait()
				a := admit(s, &gate, c.class, c.full)
				if a.Result != c.want || !strings.Contains(a.Reason, c.why) {
					t.Errorf("%+v; want %s, %s", a, c.want, c.why)
				}
			})
		})
	}
}

func TestARequestThatIsExplainedHasTheClientOfAConnection(t *testing.T) {
	body := explainBody{URI: "/", Client: "192.0.2.7"}
	r, err := body.request(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	values, _ := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer)
	if client, _ := values.GetString("l4.pool.client_ip"); client != "192.0.2.7" {
		t.Errorf("the client is %q", client)
	}
}

func TestEndpointsAreFullIfOnlyTheirLimitsKeepThemFromTheRequest(t *testing.T) {
	endpointtest.Run(t, func(p *endpointtest.Pool) {
		roster := p.Claim.Roster
		roster.Replace([]listing.Info{{Address: "a:1", Weight: 1, MaxRequests: 1}, {Address: "b:1", Draining: true}})
		a := roster.Snapshot().Find("a:1")
		none := endpoint.Explanation{Endpoints: make([]endpoint.ExplainedEndpoint, 2)}
		if areFull(roster.Snapshot(), &none, nil) {
			t.Error("an endpoint without requests is full")
		}
		a.Reserve(1)
		defer a.Release()
		if !areFull(roster.Snapshot(), &none, nil) {
			t.Error("an endpoint at its limit is not full")
		}
		one := endpoint.Explanation{Endpoints: []endpoint.ExplainedEndpoint{{Status: endpoint.Status{Usable: true}}}}
		if areFull(roster.Snapshot(), &one, nil) {
			t.Error("an endpoint is usable")
		}
	})
}
