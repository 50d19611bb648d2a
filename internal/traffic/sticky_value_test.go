package traffic

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func TestRequestsWithTheSameValueStayTogether(t *testing.T) {
	fleet := startBackends(t, 4)
	lines := staticEndpoints(fleet, "", "", "", "")
	for carrier, request := range map[string]func(room int) (path string, header []string){
		"header x-room": func(room int) (string, []string) { return "/", []string{"X-Room", fmt.Sprint(room)} },
		"query room":    func(room int) (string, []string) { return fmt.Sprintf("/?a=b&room=%d", room), nil },
		"path room {\nvalue remembered\n}": func(room int) (string, []string) {
			return fmt.Sprintf("/a;room=%d/b", room), nil
		},
	} {
		policy := "lb_policy sticky {\n" + carrier + "\npolicy smooth_weighted_round_robin\n}"
		for name, site := range map[string]string{
			"pool": poolWith(lines, policy), "static": fmt.Sprintf("reverse_proxy %s {\n%s\n}", fleet, policy),
		} {
			t.Run(carrier+" "+name, func(t *testing.T) {
				p := startProxy(t, site)
				at, all := make(map[int]string), make(map[string]bool)
				for round := range 4 {
					for room := range 21 { // in turn, the rooms of the next round would be elsewhere
						path, header := request(room)
						a := expectOK(t)(p.client().get(path, header...))
						if at[room] == "" {
							at[room] = a.backend
						}
						if a.backend != at[room] || a.header.Get("X-Room") != "" || a.header.Get("Set-Cookie") != "" {
							t.Errorf("room %d went from %s to %s: %v", room, at[room], a.backend, a.header)
						}
						all[a.backend] = true
					}
					if round == 1 {
						if err := p.reload(site); err != nil {
							t.Fatal(err)
						}
					}
				}
				if len(all) != 4 {
					t.Errorf("only %v got requests", all)
				}
			})
		}
	}
}

func TestAClientWithoutCookiesBringsTheTokenBack(t *testing.T) {
	fleet := startBackends(t, 4)
	site := poolWith(staticEndpoints(fleet, "", "", "", "")+fastChecks("http /", longTimeout),
		"lb_policy sticky {\nheader X-Session {\nvalue token\n}\npolicy weighted_random\n}\nlb_retries 2")
	p := startProxy(t, site)
	tokens, at := make(map[int]string), make(map[int]string)
	for client := range 20 {
		a := expectOK(t)(p.client().get("/"))
		if tokens[client], at[client] = a.header.Get("X-Session"), a.backend; tokens[client] == "" {
			t.Fatal("a newcomer got no token")
		}
	}
	p.Stop()
	p.Start(p.text(site))
	for client, token := range tokens {
		a := expectOK(t)(p.client().get("/", "X-Session", token))
		if a.backend != at[client] || a.header.Get("X-Session") != "" {
			t.Errorf("after a restart client %d is at %s instead of %s: %v", client, a.backend, at[client], a.header)
		}
	}
	fleet[0].kill()
	awaitUnhealthy(t, fleet[0])
	for client, token := range tokens {
		a := expectOK(t)(p.client().get("/", "X-Session", token))
		if moved := at[client] == "b0"; moved != (a.header.Get("X-Session") != "") || !moved && a.backend != at[client] {
			t.Errorf("client %d went from %s to %s: %v", client, at[client], a.backend, a.header)
		}
	}
	for _, forged := range []string{"x", "0123456789abcdef", "0123456789abcdef.0123456789abcdef"} {
		if a := expectOK(t)(p.client().get("/", "X-Session", forged)); a.header.Get("X-Session") == "" {
			t.Errorf("%q is no newcomer", forged)
		}
	}
}

func TestTheApplicationNamesTheEndpoint(t *testing.T) {
	fleet := startBackends(t, 3)
	lines := staticEndpoints(fleet, "id web-0", "id web-1", "id web-2")
	for carrier, target := range map[string]string{
		"path jsessionid":               "/cart;jsessionid=4f2a.web-%d?x=y",
		"path route":                    "/cart;route=web-%d/items",
		"query route {\nvalue route\n}": "/?route=web-%d",
	} {
		t.Run(carrier, func(t *testing.T) {
			p := startProxy(t, poolWith(lines, "lb_policy sticky {\n"+carrier+"\npolicy weighted_random\n}"))
			for range 10 {
				for n := range 3 {
					a := expectOK(t)(p.client().get(fmt.Sprintf(target, n)))
					if a.backend != fmt.Sprint("b", n) {
						t.Errorf("a link to web-%d leads to %s", n, a.backend)
					}
				}
				expectOK(t)(p.client().get(fmt.Sprintf(target, 9)))
			}
		})
	}
}

// A servlet container that appends its route to the number of a session, as Tomcat does by
// jvmRoute, hands it out in a cookie, or in links to clients without cookies.
func TestTheRouteOfASessionIsInACookieOrInALink(t *testing.T) {
	fleet := startBackends(t, 3)
	pool := poolWith(staticEndpoints(fleet, "id web-0", "id web-1", "id web-2"),
		"lb_policy sticky {\nroute JSESSIONID jsessionid\npolicy weighted_random\n}")
	p := startProxy(t, pool)
	c := p.client()
	for range 10 {
		for n := range 3 {
			inCookie := expectOK(t)(c.get("/", "Cookie", fmt.Sprintf("a=b; JSESSIONID=4F2A.web-%d", n)))
			inLink := expectOK(t)(c.get(fmt.Sprintf("/cart;jsessionid=4F2A.web-%d/items?x=y", n)))
			want := fmt.Sprint("b", n)
			if inCookie.backend != want || inLink.backend != want || len(inCookie.header["Set-Cookie"]) > 0 {
				t.Errorf("the session of web-%d leads to %s by its cookie, and to %s by a link: %v", n, inCookie.backend,
					inLink.backend, inCookie.header)
			}
		}
	}
	seen := make(map[string]bool)
	for range 60 {
		seen[expectOK(t)(c.get("/", "Cookie", "JSESSIONID=4F2A.web-9")).backend] = true
	}
	if len(seen) != 3 {
		t.Errorf("sessions of an endpoint that is not in the list went to %v only", seen)
	}
}

func TestMetricsAndTheAPITellHowFullTheTableIs(t *testing.T) {
	fleet := startBackends(t, 2)
	site := poolWith(staticEndpoints(fleet, "", ""), "lb_policy sticky {\nquery room {\nsize 640\n}\npolicy weighted_random\n}")
	p := startProxy(t, site)
	c := p.client()
	for room := range 50 {
		expectOK(t)(c.get(fmt.Sprintf("/?room=%d", room)))
	}
	const labels = `{carrier="query room",pool="web"}`
	p.expectSeries(map[string]float64{"pool_sessions" + labels: 50, "pool_sessions_limit" + labels: 640})
	if err := p.reload(site, "reverse_proxy "+fleet.String()+" {\nlb_policy sticky {\nclient_ip\n}\n}"); err != nil {
		t.Fatal(err)
	}
	for room := range 2000 {
		expectOK(t)(c.get(fmt.Sprintf("/?room=%d", room)))
	}
	p.expectSeries(map[string]float64{
		"pool_sessions" + labels: 640, `pool_sessions{carrier="client_ip",pool=""}`: 0,
		"pool_sessions_evicted_total" + labels: 2000 - 640,
	})
	admin := &client{&http.Client{Transport: caddytest.SingleUseTransport(p.AdminSocket())}, "http://admin"}
	var pool struct{ Sessions []endpoint.SessionCounts }
	if err := json.Unmarshal([]byte(expectOK(t)(admin.get("/pools/web")).body), &pool); err != nil {
		t.Fatal(err)
	}
	want := []endpoint.SessionCounts{{Carrier: "query room", Sessions: 640, Limit: 640, Evicted: 2000 - 640}}
	if !slices.Equal(pool.Sessions, want) {
		t.Errorf("the API says %+v", pool.Sessions)
	}
}
