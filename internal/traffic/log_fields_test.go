package traffic

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// accessLine is what the access log says of a request.
type accessLine struct {
	Pool, ID, Zone, Pick string
	Attempts             []struct {
		Address, Outcome, Reason, Pick string
		Status                         int
		Connect                        *float64
		FirstByte                      *float64 `json:"first_byte"`
		LastByte                       *float64 `json:"last_byte"`
	}
}

// accessLog waits until the access log has a request and returns what it says.
func accessLog(t *testing.T) (line accessLine) {
	t.Helper()
	const marker = `"logger":"http.log.access`
	eventually(t, "the access log has the request", func() bool { return logged.Count(marker) > 0 })
	text := logged.With(marker)[0]
	if err := json.Unmarshal([]byte(text), &line); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	return line
}

// explainedSite is a site whose access log explains each request.
func explainedSite(proxy string) string {
	return `log
	log_append pool {http.reverse_proxy.pool}
	log_append id {http.reverse_proxy.endpoint.id}
	log_append zone {http.reverse_proxy.endpoint.zone}
	log_append pick {http.reverse_proxy.pick.reason}
	log_append attempts {http.reverse_proxy.attempts}
	` + proxy
}

func TestOneLineOfTheAccessLogExplainsARequest(t *testing.T) {
	fleet := startBackends(t, 1)
	refusing := caddytest.FreeAddress(t)
	c := startProxy(t, explainedSite(fmt.Sprintf(`reverse_proxy {
		dynamic pool web {
			source static {
				endpoint %s {
					id gone
				}
				endpoint %s {
					id one
					zone a
					priority 1
				}
			}
		}
	}`, refusing, fleet[0].address))).client()
	expectOK(t)(c.get("/"))
	line := accessLog(t)
	if line.Pool != "web" || line.ID != "one" || line.Zone != "a" || line.Pick != "retry" || len(line.Attempts) != 2 {
		t.Fatalf("%+v", line)
	}
	first, second := line.Attempts[0], line.Attempts[1]
	if first.Address != refusing || first.Outcome != "failed" || first.Reason != "refused" ||
		first.Pick != "first_choice" || first.Status != 0 || first.Connect != nil || first.FirstByte != nil {
		t.Errorf("the first attempt is %+v", first)
	}
	if second.Address != fleet[0].address || second.Outcome != "worked" || second.Reason != "answered" ||
		second.Status != http.StatusOK || second.Connect == nil || second.FirstByte == nil || second.LastByte == nil ||
		*second.Connect > *second.FirstByte || *second.FirstByte > *second.LastByte {
		t.Errorf("the second attempt is %+v", second)
	}
}

// What is logged of a request is that of the handler whose answer the client got.
func TestTheAccessLogDoesNotConfuseHandlers(t *testing.T) {
	fleet := startBackends(t, 2)
	c := startProxy(t, explainedSite(fmt.Sprintf(`forward_auth %s {
		uri /
		lb_policy smooth_weighted_round_robin
	}
	reverse_proxy %s {
		lb_policy smooth_weighted_round_robin
	}`, fleet[0].address, fleet[1].address))).client()
	expectOK(t)(c.get("/"))
	line := accessLog(t)
	if line.Pool != "" || len(line.Attempts) != 1 || line.Attempts[0].Address != fleet[1].address {
		t.Errorf("%+v", line)
	}
}
