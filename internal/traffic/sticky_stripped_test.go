package traffic

import (
	"fmt"
	"testing"
)

// Endpoints need not see what keeps a session, as with `indirect` of HAProxy. Caddy removes it for
// the first attempt, and it is missing in the request when the next endpoint is picked.
func TestARetrySeesTheSessionThatNoEndpointSees(t *testing.T) {
	for _, c := range []struct{ name, options, strip string }{
		{"cookie", "return", "header_up -Cookie"},
		{"part of the cookies", "return", `header_up Cookie "lb[^=]*=[^;]*(; )?" ""`},
		{"token", "return\nheader X-Session {\nvalue token\n}", "header_up -X-Session"},
		{"remembered", "return\nheader X-Room", "header_up -X-Room"},
		{"host", "return\nheader Host", "header_up Host {upstream_hostport}"},
	} {
		for _, kind := range []string{"pool", "static"} {
			t.Run(c.name+" "+kind, func(t *testing.T) {
				f := startBackends(t, 3)
				policy := "lb_policy sticky {\npolicy weighted_random\n" + c.options + "\n}\n" + c.strip
				site := poolWith(staticEndpoints(f, "", "", ""), policy)
				if kind == "static" {
					site = fmt.Sprintf("reverse_proxy %s {\n%s\n}", f, policy)
				}
				client := &sessionClient{startProxy(t, site).cookieClient(), []string{"X-Room", "7"}, ""}
				at := expectOK(t)(client.get("/")).backend
				home := f[at[1]-'0']
				home.kill()
				if a := expectOK(t)(client.get("/")); a.backend == at {
					t.Fatalf("%s answered though it is down", at)
				}
				if err := home.start(); err != nil {
					t.Fatal(err)
				}
				if a := expectOK(t)(client.get("/")); a.backend != at {
					t.Errorf("the session of %s has not returned, but is at %s", at, a.backend)
				}
			})
		}
	}
}
