package traffic

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// sessionsAt returns the number of sessions of each endpoint that the admin API says.
func sessionsAt(t *testing.T, p *proxy) map[string]int {
	t.Helper()
	admin := &client{&http.Client{Transport: caddytest.SingleUseTransport(p.AdminSocket())}, "http://admin"}
	var pool struct {
		Members []struct {
			Address  string
			Sessions *int
		}
	}
	if err := json.Unmarshal([]byte(expectOK(t)(admin.get("/pools/web")).body), &pool); err != nil {
		t.Fatal(err)
	}
	sessions := make(map[string]int)
	for _, m := range pool.Members {
		if m.Sessions == nil {
			t.Fatalf("endpoint %s has no number of sessions", m.Address)
		}
		sessions[m.Address] = *m.Sessions
	}
	return sessions
}

func TestTheAPICountsTheSessionsOfEachEndpointUntilTheyAreOver(t *testing.T) {
	fleet := startBackends(t, 2)
	site := func(ttl string) string {
		policy := "lb_policy sticky {\nquery room {\nttl " + ttl + "\n}\npolicy smooth_weighted_round_robin\n}"
		return poolWith(staticEndpoints(fleet, "id one", ""), policy)
	}
	p := startProxy(t, site("1h"))
	c := p.client()
	began := make(map[string]int)
	for room := range 40 {
		began[expectOK(t)(c.get(fmt.Sprintf("/?room=%d", room))).backend]++
	}
	if began["b0"] < 10 || began["b1"] < 10 {
		t.Fatalf("the sessions begin at %v; expected about 20 each", began)
	}
	for range 2 {
		sessions := sessionsAt(t, p)
		if sessions[fleet[0].address] != began["b0"] || sessions[fleet[1].address] != began["b1"] {
			t.Errorf("got %v, want %v", sessions, began)
		}
		if err := p.reload(site("1h")); err != nil {
			t.Fatal(err)
		}
	}
	if err := p.reload(site("1s")); err != nil {
		t.Fatal(err)
	}
	caddytest.Eventually(t, time.Minute, "all sessions are over, without a further request", func() bool {
		sessions := sessionsAt(t, p)
		return sessions[fleet[0].address] == 0 && sessions[fleet[1].address] == 0
	})
}
