package traffic

import (
	"fmt"
	"net/http/cookiejar"
	"strings"
	"testing"
)

// stickyProxies are sites that keep sessions, and the number of cookies that a newcomer gets.
func stickyProxies(f fleet) map[string]struct {
	site    string
	cookies int
} {
	lines := staticEndpoints(f, "metadata version v1", "metadata version v1",
		"metadata version v2", "metadata version v2")
	split := "lb_policy split {\ngroup stable {\npolicy sticky\n}\ngroup canary version=v2 50%% {\npolicy sticky\n}\n%s\n}"
	return map[string]struct {
		site    string
		cookies int
	}{
		"pool":   {poolWith(lines, stickyRandom), 1},
		"static": {fmt.Sprintf("reverse_proxy %s {\n%s\n}", f, stickyRandom), 1},
		"idle":   {poolWith(lines, "lb_policy sticky {\ncookie {\nidle 1h\n}\npolicy weighted_random\n}"), 1},
		"split":  {poolWith(lines, fmt.Sprintf(split, "sticky cookie variant")), 2},
		"split by key": {poolWith(lines, fmt.Sprintf(split,
			"sticky key {http.request.header.X-User}")), 1},
	}
}

func TestEveryFrontProtocolKeepsSessions(t *testing.T) {
	fleet := startBackends(t, 4)
	for name, of := range stickyProxies(fleet) {
		t.Run(name, func(t *testing.T) {
			forEveryFrontProtocol(t, of.site, func(t *testing.T, f frontProtocol, c *client) {
				at := make(map[string]bool)
				for session := range 12 {
					c.Jar, _ = cookiejar.New(nil)
					user := fmt.Sprint("user", session)
					first := expectOK(t)(c.get("/", "X-User", user))
					set := first.header["Set-Cookie"]
					if first.proto != f.proto || len(set) != of.cookies {
						t.Fatalf("HTTP/%d answered with the cookies %q", first.proto, set)
					}
					if secure := strings.Contains(set[0], "Secure"); secure != strings.HasPrefix(c.base, "https") {
						t.Errorf("the cookie of %s is %s", c.base, set[0])
					}
					at[first.backend] = true
					for range 4 {
						a := expectOK(t)(c.get("/", "X-User", user))
						if a.backend != first.backend || len(a.header["Set-Cookie"]) > 0 {
							t.Errorf("session %d of %s is at %s, with the cookies %q",
								session, first.backend, a.backend, a.header["Set-Cookie"])
						}
					}
				}
				if len(at) < 2 {
					t.Errorf("all sessions are at %v", at)
				}
			})
		})
	}
}
