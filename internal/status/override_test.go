package status_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// balanced is a Caddy with a pool named web of backends that answer with their number.
type balanced struct {
	admin
	t        *testing.T
	caddy    *caddytest.Caddy
	config   string
	backends []string // addresses
}

const balancedSite = `
http:// {
	bind unix/%s
	reverse_proxy {
		dynamic pool web {
			source static %s
		}
		lb_policy smooth_weighted_round_robin
	}
}
`

func startBalanced(t *testing.T, backends int) *balanced {
	t.Helper()
	b := &balanced{t: t, caddy: caddytest.New(t)}
	for i := range backends {
		answer := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, i) }
		server := httptest.NewServer(http.HandlerFunc(answer))
		t.Cleanup(server.Close)
		b.backends = append(b.backends, server.Listener.Addr().String())
	}
	site := fmt.Sprintf(balancedSite, b.caddy.SiteSocket(0), strings.Join(b.backends, " "))
	b.config = b.caddy.GlobalOptions("") + site
	t.Cleanup(b.caddy.Stop)
	b.start()
	return b
}

// start starts Caddy and waits until its pools have their lists.
func (b *balanced) start() {
	b.t.Helper()
	b.caddy.Start(b.config)
	b.admin = admin{&http.Client{Transport: caddytest.SingleUseTransport(b.caddy.AdminSocket())}}
	caddytest.Eventually(b.t, time.Minute, "the pools have lists", func() bool {
		return !strings.Contains(b.want("GET", "/pools/", "", 200, "").body, `"endpoints":0`)
	})
}

// serving returns the backends that answer ten requests, such as "01".
func (b *balanced) serving() string {
	b.t.Helper()
	site := admin{&http.Client{Transport: caddytest.SingleUseTransport(b.caddy.SiteSocket(0))}}
	var who []string
	for range 10 {
		a := site.call(b.t, "GET", "/", "")
		if a.status != http.StatusOK {
			return fmt.Sprint("status ", a.status)
		}
		who = append(who, a.body)
	}
	slices.Sort(who)
	return strings.Join(slices.Compact(who), "")
}

// want sends a request to the admin API and fails the test unless the answer is as wanted.
func (b *balanced) want(method, path, body string, status int, text string) answer {
	b.t.Helper()
	a := b.call(b.t, method, path, body)
	if a.status != status || !strings.Contains(a.body, text) {
		b.t.Errorf("%s %s %s: %d %s, want %d %s", method, path, body, a.status, a.body, status, text)
	}
	return a
}

func (b *balanced) endpoint(i int) string { return "/pools/web/endpoints/" + b.backends[i] }

func TestAnOperatorTakesAnEndpointOutAndBack(t *testing.T) {
	b := startBalanced(t, 2)
	if got := b.serving(); got != "01" {
		t.Fatalf("%s serve at first", got)
	}
	b.want("PATCH", b.endpoint(0), `{"state": "drain", "until": "15m", "reason": "a new disk"}`, 200, `"state":"draining"`)
	if got := b.serving(); got != "1" {
		t.Errorf("%s serve beside one that drains", got)
	}
	b.want("PATCH", b.endpoint(1), `{"state": "maintenance"}`, 409, `send \"force\": true`)
	b.want("PATCH", b.endpoint(1), `{"weight": 0}`, 409, "last usable")
	b.want("PATCH", b.endpoint(1), `{"state": "maintenance", "force": true}`, 200, `"by":"a unix socket"`)
	if got := b.serving(); got != "0" {
		t.Errorf("%s serve, though only one that drains is left", got)
	}
	b.want("GET", "/pools/web", "", 200, `"mode":"draining"`)
	b.want("DELETE", b.endpoint(0)+"/override", "", 204, "")
	b.want("DELETE", b.endpoint(0)+"/override", "", 404, "has no override")
	b.want("PATCH", b.endpoint(1), `{"state": null, "weight": 3}`, 200, `"effective_weight":3`)
	if got := b.serving(); got != "01" {
		t.Errorf("%s serve in the end", got)
	}
	b.want("GET", b.endpoint(1), "", 200, `"failed":0,"nothing":0,"p50_seconds":0.0`)
	history := b.want("GET", "/pools/web/history", "", 200, `"event":"drain"`).body
	for _, want := range []string{`"reason":"a new disk"`, `"event":"ended"`, `"event":"weight 3"`, `"kind":"membership"`} {
		if !strings.Contains(history, want) {
			t.Errorf("the history lacks %s: %s", want, history)
		}
	}
}

func TestAnOverrideThatIsWrongIsRefusedWithTheReason(t *testing.T) {
	b := startBalanced(t, 2)
	for body, want := range map[string]string{
		``:                               "is empty",
		`{`:                              "unexpected EOF",
		`{} {}`:                          "more after",
		`{"stat": "drain"}`:              `unknown field \"stat\"; the fields are state,`,
		`{"reason": "why"}`:              "neither state nor weight",
		`{"state": "off"}`:               `state: \"off\" is unknown; expected ready, drain, down or maintenance`,
		`{"state": 7}`:                   "state: 7 is not drain,",
		`{"weight": -1}`:                 "weight: -1 is not between 0 and 65535",
		`{"weight": 65536}`:              "weight: 65536 is not between",
		`{"weight": 1.5}`:                "weight: 1.5 is not a whole number",
		`{"weight": 1, "until": "soon"}`: `until: \"soon\" is not a duration`,
		`{"weight": 1, "until": "-1s"}`:  "until: ",
		`{"weight": 1, "until": "0s"}`:   "until: ",
		`{"weight": 1, "until": 5}`:      "until: 5 is not a duration",
		`{"weight": 1, "until": "2001-01-01T00:00:00Z"}`: "until: ",
		strings.Repeat(" ", 65537):                       "",
	} {
		status := 400
		if len(body) > 65536 {
			status = 413
		}
		b.want("PATCH", b.endpoint(0), body, status, want)
	}
	b.want("PATCH", "/pools/web/endpoints/nowhere:1", `{"weight": 1}`, 404, "no endpoint with the id or address")
	b.want("PATCH", "/pools/other/endpoints/nowhere:1", `{"weight": 1}`, 404, "there is no pool")
	if got := b.serving(); got != "01" {
		t.Errorf("%s serve", got)
	}
}

func TestAnOverrideForAnotherStateIsRefused(t *testing.T) {
	b := startBalanced(t, 2)
	before := b.want("GET", b.endpoint(0), "", 200, "").header.Get("Etag")
	match := func(method, path, tag string) int {
		request, err := http.NewRequest(method, "http://admin"+path, strings.NewReader(`{"weight": 5}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("If-Match", tag)
		response, err := b.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		return response.StatusCode
	}
	if got := match("PATCH", b.endpoint(0), before); got != 200 {
		t.Errorf("for the present state: %d", got)
	}
	if got := match("PATCH", b.endpoint(0), before); got != 412 {
		t.Errorf("for the state before: %d", got)
	}
	if got := match("DELETE", b.endpoint(0)+"/override", before); got != 412 {
		t.Errorf("to end it, for the state before: %d", got)
	}
	if got := match("DELETE", b.endpoint(0)+"/override", b.want("GET", b.endpoint(0), "", 200, "").header.Get("Etag")); got != 204 {
		t.Errorf("to end it: %d", got)
	}
}

func TestWhatOperatorsDecideOutlivesReloadsAndRestarts(t *testing.T) {
	b := startBalanced(t, 3)
	b.want("PATCH", b.endpoint(0), `{"state": "maintenance", "reason": "a new disk"}`, 200, "")
	b.want("POST", "/pools/web/rollback", `{"revision": 1}`, 200, `"revision":1`)
	check := func(when string) {
		t.Helper()
		caddytest.Eventually(t, time.Minute, when, func() bool { return b.serving() == "12" })
		b.want("GET", b.endpoint(0), "", 200, `"reason":"an operator says so: a new disk"`)
		b.want("GET", "/pools/web", "", 200, `"frozen":{"revision":1`)
	}
	check("at once")
	b.caddy.Start(strings.Replace(b.config, "source static", "initial_wait 9s\nsource static", 1))
	check("after a reload of another definition")
	caddytest.Eventually(t, time.Minute, "it is stored", func() bool { return b.isStored() })
	b.caddy.Stop()
	b.start()
	check("after a restart")
	b.want("DELETE", b.endpoint(0)+"/override", "", 204, "")
	b.want("DELETE", "/pools/web/rollback", "", 204, "")
	b.want("DELETE", "/pools/web/rollback", "", 404, "not frozen")
	if got := b.serving(); got != "012" {
		t.Errorf("%s serve in the end", got)
	}
	caddytest.Eventually(t, time.Minute, "nothing is stored", func() bool { return !b.isStored() })
}

// isStored reports whether the storage has what operators have decided.
func (b *balanced) isStored() bool {
	found, err := filepath.Glob(filepath.Join(b.caddy.Storage(), "balance", "pools", "web", "control-*.json"))
	if err != nil {
		b.t.Fatal(err)
	}
	return len(found) > 0
}
