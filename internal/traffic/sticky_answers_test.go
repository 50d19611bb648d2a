package traffic

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// cookiesOfProxy returns the cookies of an answer that are of a proxy and not of the application.
func cookiesOfProxy(a answer) (all []string) {
	for _, line := range a.header["Set-Cookie"] {
		if !strings.HasPrefix(line, "app=") {
			all = append(all, line)
		}
	}
	return all
}

func TestASessionBeginsWhateverTheConfigMakesOfTheAnswer(t *testing.T) {
	answer := func(b *backend, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Set-Cookie", "app="+b.name)
		w.Header().Set("X-At", b.name)
	}
	fleet, inner := startBackends(t, 3, answer), startBackends(t, 3, answer)
	of := func(options string) string {
		return poolWith(staticEndpoints(fleet, "", "", ""), stickyRandom+"\n"+options)
	}
	kept := "header X-At {rp.header.X-At}\n"
	for name, c := range map[string]struct {
		site    string
		cookies int
	}{
		"copy_response":         {of("handle_response {\ncopy_response\n}"), 1},
		"copy_response_headers": {of("handle_response {\ncopy_response_headers\nrespond hello\n}"), 1},
		"another response":      {of("handle_response {\n" + kept + "respond hello\n}"), 1},
		"no response":           {of("handle_response {\n" + kept + "}"), 1},
		"another status":        {of("replace_status 200"), 1},
		"without their cookies": {of("header_down -Set-Cookie"), 1},
		"buffered":              {of("response_buffers 1MB"), 1},
		"behind forward_auth":   {"forward_auth " + inner.String() + " {\nuri /auth\nlb_policy sticky\n}\n" + of(""), 2},
		"two in turn": {fmt.Sprintf("reverse_proxy %s {\nlb_policy sticky\nhandle_response {\nreverse_proxy %s {\n"+
			"lb_policy sticky {\ncookie {\nname second\n}\n}\n}\n}\n}", inner, fleet), 2},
	} {
		t.Run(name, func(t *testing.T) {
			client := startProxy(t, c.site).cookieClient()
			first := expectOK(t)(client.get("/"))
			if set := cookiesOfProxy(first); len(set) != c.cookies {
				t.Errorf("a newcomer got %q", set)
			}
			for range 5 {
				a := expectOK(t)(client.get("/"))
				if set := cookiesOfProxy(a); len(set) > 0 || a.header.Get("X-At") != first.header.Get("X-At") {
					t.Errorf("the session of %s is at %s, with the cookies %q",
						first.header.Get("X-At"), a.header.Get("X-At"), set)
				}
			}
		})
	}
}

// The config is that of the documentation.
func TestNeitherEndpointsNorCachesNeedSeeTheCookie(t *testing.T) {
	fleet := startBackends(t, 3, func(b *backend, w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "public")
		fmt.Fprint(w, r.Header.Get("Cookie"))
	})
	client := startProxy(t, "header {\nmatch {\nheader Set-Cookie SRV=*\n}\nCache-Control private\ndefer\n}\n"+
		fmt.Sprintf("reverse_proxy %s {\nlb_policy sticky {\ncookie {\nname SRV\n}\n}\n", fleet)+
		"header_up Cookie `\\bSRV=[^;]*(; )?` \"\"\n}").cookieClient()
	for i, want := range []string{"private", "public", "public"} {
		a := expectOK(t)(client.get("/", "Cookie", "XSRV=1; a=b"))
		if got := a.header.Get("Cache-Control"); got != want || strings.Contains(a.body, "; SRV=") || !strings.HasPrefix(a.body, "XSRV=1; a=b") {
			t.Errorf("request %d: Cache-Control is %s, and the endpoint saw the cookies %s", i, got, a.body)
		}
	}
}
