package pool_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	_ "github.com/caddy-balance/caddy-balance/discovery/static"
)

// countingHandler returns a reverse proxy with a pool of 200 endpoints, which counts failures for
// an hour. Answers of unhealthyStatus are failures; all answers have the status 200.
func countingHandler(t *testing.T, pool, policy string, unhealthyStatus int) caddyhttp.MiddlewareHandler {
	t.Helper()
	var endpoints []map[string]string
	for i := range 200 {
		endpoints = append(endpoints, map[string]string{"address": fmt.Sprintf("10.7.0.%d:80", i)})
	}
	list, err := json.Marshal(endpoints)
	if err != nil {
		t.Fatal(err)
	}
	return newHandler(t, quietContext(t), fmt.Sprintf(`{
		"dynamic_upstreams": {
			"source": "pool", "name": %q, "sources": [{"source": "static", "endpoints": %s}]
		},
		"load_balancing": {"selection_policy": %s},
		"health_checks": {"passive": {"fail_duration": "1h", "unhealthy_status": [%d]}},
		"transport": {"protocol": "bench"}
	}`, pool, list, policy, unhealthyStatus))
}

func TestFirstPicksOfALargePoolAvoidWhatFailedElsewhere(t *testing.T) {
	for i, policy := range ours {
		t.Run(policyName(policy), func(t *testing.T) {
			failed := make(map[string]bool)
			elsewhere := countingHandler(t, fmt.Sprint("failing", i), ours[1], 200)
			for range 150 {
				address, _ := servedBy(t, elsewhere, clientRequest(1))
				failed[address] = true
			}
			if len(failed) != 150 {
				t.Fatalf("%d endpoints have failed, want 150", len(failed))
			}
			h := countingHandler(t, fmt.Sprint("working", i), policy, 500)
			for client := range 400 {
				if address, _ := servedBy(t, h, clientRequest(client)); failed[address] {
					t.Errorf("%s was asked", address)
				}
			}
		})
	}
}
