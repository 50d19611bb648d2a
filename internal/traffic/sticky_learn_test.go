package traffic

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"testing"
)

// application sets its own session cookie for clients that have none that it knows, as one with its
// sessions in memory does.
func application() handlerFunc {
	var sessions atomic.Int64
	return func(b *backend, w http.ResponseWriter, r *http.Request) {
		var of string
		if c, err := r.Cookie("JSESSIONID"); err == nil {
			fmt.Sscanf(c.Value, "at-%2s", &of)
		}
		if of != b.name {
			w.Header().Add("Set-Cookie", "other=1; Path=/")
			w.Header().Add("Set-Cookie", fmt.Sprintf("JSESSIONID=at-%s-%d; Path=/; HttpOnly", b.name, sessions.Add(1)))
		}
		writeName(b, w, r)
	}
}

// appSessions begins sessions of the application.
func appSessions(t *testing.T, p *proxy, n int) (clients []*client, at []string) {
	t.Helper()
	for range n {
		c := p.cookieClient()
		a := expectOK(t)(c.get("/"))
		if set := a.header["Set-Cookie"]; len(set) != 2 {
			t.Fatalf("a newcomer got %q", set)
		}
		clients, at = append(clients, c), append(at, a.backend)
	}
	return clients, at
}

func TestSessionsOfTheApplicationStayWhereItsCookieWasSet(t *testing.T) {
	fleet := startBackends(t, 4, application())
	lines := staticEndpoints(fleet, "", "", "", "")
	for name, site := range map[string]string{
		"pool":            poolWith(lines, "lb_policy sticky {\nlearn JSESSIONID\npolicy weighted_random\n}"),
		"pool by Caddy":   poolWith(lines, "lb_policy sticky {\nlearn JSESSIONID\npolicy random\n}"),
		"static":          fmt.Sprintf("reverse_proxy %s {\nlb_policy sticky {\nlearn JSESSIONID\npolicy weighted_random\n}\n}", fleet),
		"static by Caddy": fmt.Sprintf("reverse_proxy %s {\nlb_policy sticky {\nlearn JSESSIONID\npolicy random\n}\n}", fleet),
		"multi": fmt.Sprintf("reverse_proxy {\ndynamic multi {\npool web {\n%s\n}\n}\n"+
			"lb_policy sticky {\nlearn JSESSIONID\npolicy random\n}\n}", lines),
	} {
		t.Run(name, func(t *testing.T) {
			p := startProxy(t, site)
			clients, at := appSessions(t, p, 30)
			for range 3 {
				expectAt(t, "at first", clients, at)
			}
			if err := p.reload(site); err != nil {
				t.Fatal(err)
			}
			expectAt(t, "after a reload", clients, at)
		})
	}
}

// An application with its sessions in a shared store sets no new cookie when a client comes
// elsewhere.
func TestAValueThatTheProxyDoesNotKnowStaysWhereItCameFirst(t *testing.T) {
	fleet := startBackends(t, 4)
	p := startProxy(t, poolWith(staticEndpoints(fleet, "", "", "", ""),
		"lb_policy sticky {\nlearn PHPSESSID\npolicy weighted_random\n}"))
	at := make(map[int]string)
	for range 4 {
		for session := range 20 {
			a := expectOK(t)(p.client().get("/", "Cookie", fmt.Sprintf("a=b; PHPSESSID=%d", session)))
			if at[session] == "" {
				at[session] = a.backend
			}
			if a.backend != at[session] {
				t.Errorf("session %d went from %s to %s", session, at[session], a.backend)
			}
		}
	}
}

func TestALearnedSessionMovesWhenItsEndpointIsDown(t *testing.T) {
	fleet := startBackends(t, 3, application())
	p := startProxy(t, poolWith(staticEndpoints(fleet, "", "", "")+fastChecks("http /", longTimeout),
		"lb_policy sticky {\nlearn JSESSIONID\npolicy weighted_random\n}\nlb_retries 1"))
	clients, at := appSessions(t, p, 30)
	fleet[0].kill()
	awaitUnhealthy(t, fleet[0])
	var moved []string
	for i, c := range clients {
		a := expectOK(t)(c.get("/"))
		if at[i] != "b0" && a.backend != at[i] || a.backend == "b0" {
			t.Errorf("session %d went from %s to %s", i, at[i], a.backend)
		}
		moved = append(moved, a.backend)
	}
	expectAt(t, "after the move", clients, moved)
}

func TestAnUpgradedConnectionIsLearnedToo(t *testing.T) {
	fleet := startBackends(t, 3, func(b *backend, w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") == "" {
			writeName(b, w, r)
			return
		}
		conn, buffered, err := w.(http.Hijacker).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		fmt.Fprintf(buffered, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n"+
			"Set-Cookie: io=%s-1\r\nX-Backend: %s\r\n\r\n", b.name, b.name)
		buffered.Flush()
		_, _ = buffered.ReadByte() // until the client closes
	})
	p := startProxy(t, poolWith(staticEndpoints(fleet, "", "", ""), "lb_policy sticky {\nlearn io\npolicy weighted_random\n}"))
	for range 10 {
		request, _ := http.NewRequest(http.MethodGet, "http://site/", nil)
		request.Header.Set("Connection", "Upgrade")
		request.Header.Set("Upgrade", "x")
		answer, err := p.client().Do(request)
		if err != nil || answer.StatusCode != http.StatusSwitchingProtocols {
			t.Fatalf("got %v, %v", answer, err)
		}
		at := answer.Header.Get("X-Backend")
		for range 5 {
			if a := expectOK(t)(p.client().get("/", "Cookie", "io="+at+"-1")); a.backend != at {
				t.Errorf("the session of an upgraded connection to %s is at %s", at, a.backend)
			}
		}
		answer.Body.Close()
	}
}

func TestALearnedSessionOutlivesAChangeOfStaticUpstreams(t *testing.T) {
	all := startBackends(t, 5, application())
	site := func(f fleet) string {
		return fmt.Sprintf("reverse_proxy %s {\nlb_policy sticky {\nlearn JSESSIONID\npolicy weighted_random\n}\n}", f)
	}
	p := startProxy(t, site(all[:4]))
	clients, at := appSessions(t, p, 30)
	for _, change := range []fleet{all, all[:4], {all[3], all[1], all[0], all[2]}} {
		if err := p.reload(site(change)); err != nil {
			t.Fatal(err)
		}
		expectAt(t, fmt.Sprintf("with %d upstreams", len(change)), clients, at)
	}
}
