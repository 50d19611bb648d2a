package command_test

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// newYear is the time in the answers of stubs.
var newYear = time.Date(2027, 1, 2, 15, 4, 5, 0, time.UTC)

// agedFiftySeconds matches an age that was fifty seconds when the test began.
var agedFiftySeconds = regexp.MustCompile(`\b5\ds\b`)

func TestCommandsShowPoolsAsTables(t *testing.T) {
	address := twoPools().start(t)
	for _, c := range []struct{ args, want string }{
		{"list", `
POOL  MODE     SINCE  USABLE  DRAINING  IN FLIGHT  WAITING  OVERRIDES  FROZEN
a/b   none            0/0               0                              at revision 3
web   healthy  50s    1/2     1         2          3        1
`}, {"list --quiet", `
a/b
web
`}, {"show web", `
pool web: healthy for 50s, 1 of 2 endpoints usable, 2 requests in flight
source static: live, 2 in its list
source dns: stale, 0 in its list from 3h ago: no answer
source http: held, 2 in its list, without those that are lost from 2027-01-02 15:04:05, 7 dropped, first x: no port
source etcd: waiting, 0 in its list: no leader
limits: 2 of 2 requests in flight, 3 of 10 waiting (1 critical, 2 normal), 7 turned away
retries: 12 left in the budget, 4 refused
hedges: 5 of 9 won, 1 refused by the budget
group canary: 5%; 1 of 1 endpoint usable, step 2 of 3, guard content
in no group: 1 endpoint, without requests from the policy split
sessions by query room: 7 of 100, 3 forgotten before their time

ENDPOINT     ID   GROUP   STATE     SINCE  WEIGHT  IN FLIGHT  SESSIONS  TIME   WHY
10.0.0.1:80  one  canary  healthy   5m     1       2          7         1.25x
10.0.0.2:80       none    draining  3h     0       0          0                an operator says so: ?[31mred
`}, {"show web --quiet", `
10.0.0.1:80
10.0.0.2:80
`}, {"show web one", `
endpoint   10.0.0.1:80
id         one
group      canary
source     static, number 1 of the pool
state      healthy for 5m
weight     1: its source gives 1
in flight  2; 1 waiting for the first byte, 0 parked
sessions   7
time       1.25x of what is usual in the pool
check      http passes for 5m
`}, {"show web 10.0.0.2:80", `
endpoint   10.0.0.2:80
group      none
state      draining for 3h: an operator says so: ?[31mred
weight     0
in flight  0; 0 waiting for the first byte, 0 parked
sessions   0
override   drain until cleared, by ::1 3h ago
`}} {
		got := pools(address, strings.Fields(c.args)...)
		out := agedFiftySeconds.ReplaceAllString(got.out, "50s")
		out = strings.ReplaceAll(out, newYear.Local().Format(time.DateTime), newYear.Format(time.DateTime))
		if got.code != 0 || got.err != "" || out != c.want[1:] {
			t.Errorf("%s: code %d, %s\ngot\n%s\nwant\n%s", c.args, got.code, got.err, out, c.want[1:])
		}
	}
}

func TestJSONIsTheAnswerOfTheAPI(t *testing.T) {
	stub := twoPools()
	address := stub.start(t)
	for args, path := range map[string]string{"list": "GET /pools/", "show web": "GET /pools/web"} {
		got := pools(address, append(strings.Fields(args), "--json")...)
		if want := strings.TrimPrefix(stub.answers[path], "200 "); got.out != want || !json.Valid([]byte(got.out)) {
			t.Errorf("%s: got %s, want %s", args, got.out, want)
		}
	}
}

func TestCommandsSendWhatTheirFlagsSay(t *testing.T) {
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"drain", "web", "10.0.0.2:80"}, `PATCH /pools/web/endpoints/10.0.0.2:80 {"reason":null,"state":"drain","until":null}`},
		{[]string{"ready", "web", "10.0.0.2:80", "--force"}, `PATCH /pools/web/endpoints/10.0.0.2:80 {"force":true,"reason":null,"state":"ready","until":null}`},
		{[]string{"down", "web", "10.0.0.2:80", "--until", "15m"}, `PATCH /pools/web/endpoints/10.0.0.2:80 {"reason":null,"state":"down","until":"15m"}`},
		{[]string{"maintenance", "web", "10.0.0.2:80", "--reason", "new disk"}, `PATCH /pools/web/endpoints/10.0.0.2:80 {"reason":"new disk","state":"maintenance","until":null}`},
		{[]string{"weight", "web", "10.0.0.2:80", "0"}, `PATCH /pools/web/endpoints/10.0.0.2:80 {"reason":null,"until":null,"weight":0}`},
		{[]string{"clear", "web", "10.0.0.2:80"}, `DELETE /pools/web/endpoints/10.0.0.2:80/override`},
		{[]string{"reset", "web", "unix//run/x.sock"}, `POST /pools/web/endpoints/unix%2F%2Frun%2Fx.sock/reset`},
		{[]string{"rollback", "web", "3", "--reason", "half is gone"}, `POST /pools/web/rollback {"reason":"half is gone","revision":3}`},
		{[]string{"release", "web"}, `DELETE /pools/web/rollback`},
	} {
		stub := twoPools()
		got := pools(stub.start(t), c.args...)
		if got.code != 0 || !slices.Equal(stub.requests, []string{c.want}) {
			t.Errorf("%q: code %d, %s, sent %q, want %q", c.args, got.code, got.err, stub.requests, c.want)
		}
	}
}

func TestExplainSendsTheRequestThatItIsAskedFor(t *testing.T) {
	stub := twoPools()
	stub.answers["POST /pools/web/explain"] = `200 [{"policy": "adaptive_latency",
		"admission": {"result": "waits", "class": "critical", "reason": "others wait already"}, "picked": "10.0.0.1:80", "reason": "it is fast",
		"route": "GET /x", "bands": [{"share": 1, "endpoints": 2}], "endpoints": [
		{"address": "10.0.0.1:80", "state": "healthy", "usable": true, "rank": 1, "cost": 0.51234, "parts": {"share": 1, "failures": 0}},
		{"address": "10.0.0.2:80", "band": -1, "state": "draining", "reason": "an operator says so"}]}]`
	got := pools(stub.start(t), "explain", "web", "/x?y=1", "-X", "POST", "-H", "Cookie: a=b", "--client", "192.0.2.1", "--host", "h")
	want := `
the request would wait in the queue, class critical: others wait already
adaptive_latency picks 10.0.0.1:80: it is fast
route GET /x

   ENDPOINT     RANK  COST    STATE     PARTS                WHY
>  10.0.0.1:80  1     0.5123  healthy   failures 0, share 1
   10.0.0.2:80                draining                       an operator says so
`
	sent := `POST /pools/web/explain {"client":"192.0.2.1","headers":{"Cookie":"a=b"},"host":"h","method":"POST","uri":"/x?y=1"}`
	if got.code != 0 || got.out != want[1:] || !slices.Equal(stub.requests, []string{sent}) {
		t.Errorf("code %d, %s\ngot\n%s\nwant\n%s\nsent %q", got.code, got.err, got.out, want[1:], stub.requests)
	}
}

func TestExplainTellsTurnsFromAPoolWithNothingUsable(t *testing.T) {
	for endpoints, want := range map[string]string{
		`{"address": "10.0.0.1:80", "state": "healthy", "usable": true}`:    "weighted_random picks a usable endpoint: by chance\n",
		`{"address": "10.0.0.1:80", "state": "draining", "reason": "disk"}`: "weighted_random picks none: by chance\n",
	} {
		stub := twoPools()
		stub.answers["POST /pools/web/explain"] = `200 [{"policy": "weighted_random", "reason": "by chance", "endpoints": [` + endpoints + `]}]`
		if got := pools(stub.start(t), "explain", "web"); got.code != 0 || !strings.HasPrefix(got.out, want) {
			t.Errorf("code %d, %s\n%s\nwant %s", got.code, got.err, got.out, want)
		}
	}
}

func TestHistorySaysWhatHappenedAndWhereToGoBack(t *testing.T) {
	stub := twoPools()
	stub.answers["GET /pools/web/history"] = `200 [
		{"revision": 9, "time": "2027-01-02T15:04:05Z", "kind": "override", "address": "10.0.0.2:80", "event": "drain", "by": "::1", "reason": "disk"},
		{"revision": 8, "time": "2027-01-02T15:04:05Z", "kind": "control", "event": "frozen", "to": 3},
		{"revision": 7, "time": "2027-01-02T15:04:05Z", "kind": "membership", "endpoints": 2, "rollback": true,
			"added": {"count": 1, "first": ["x:80"]}, "removed": {"count": 20, "first": ["10.0.0.3:80"]}}]`
	at := newYear.Local().Format(time.DateTime)
	got := pools(stub.start(t), "history", "web")
	want := strings.ReplaceAll(`
REVISION  TIME                 KIND        ENDPOINT     EVENT                                    BY   ROLLBACK  WHY
9         2027-01-02 15:04:05  override    10.0.0.2:80  drain                                    ::1            disk
8         2027-01-02 15:04:05  control                  frozen, at revision 3
7         2027-01-02 15:04:05  membership               added x:80, removed 20, now 2 endpoints       possible
`, "2027-01-02 15:04:05", at)
	if got.code != 0 || got.out != want[1:] {
		t.Errorf("code %d, %s\ngot\n%s\nwant\n%s", got.code, got.err, got.out, want[1:])
	}
}

func TestExitCodesAndMessagesTellFailuresApart(t *testing.T) {
	address, bare := twoPools().start(t), (&stub{}).start(t)
	stub := twoPools()
	stub.answers["GET /pools/web"] = `200 {"name": "web", "members": [{"address": "10.0.0.1:80"}]}`
	carried, nothing := stub.start(t), caddytest.FreeAddress(t)
	socket := "unix/" + filepath.Join(t.TempDir(), "missing.sock")
	for _, c := range []struct {
		address, args string
		code          int
		want          string
	}{
		{address, "frobnicate", 1, `unknown command "frobnicate"`},
		{address, "drain web", 1, "expected pools drain <pool> <endpoint>... [--until"},
		{address, "rollback web", 1, "expected pools rollback <pool> <revision>"},
		{address, "weight web one much", 1, `weight: "much" is not a whole number`},
		{address, "rollback web last", 1, `revision: "last" is not a number of the history`},
		{address, "wait web --usable 0", 1, "usable: 0 is not a number of endpoints to wait for"},
		{address, "wait web one --usable 2", 1, "usable: 2 is not a number of endpoints to wait for"},
		{address, "wait web --timeout -1s", 1, "stable and timeout: 0s and -1s; expected"},
		{address, "wait web --stable 2m", 1, "stable and timeout: 2m0s and 1m0s; expected"},
		{address, "watch", 1, "a pool must be named"},
		{address, "watch web --interval 1ms", 1, "interval: 1ms is less than 100ms"},
		{address, "explain a/b x --header nonsense", 1, `header: "nonsense" is not of the form`},
		{"127.0.0.1:1-9", "list", 1, "it has more than one port"},
		{"http://127.0.0.1:2019", "list", 1, "it is a URL; expected host:port or unix//path"},
		{address, "explain a/b x", 2, `Caddy refuses this: uri: "x" does not begin with a slash`},
		{address, "clear web one", 0, ""},
		{address, "rollback a/b 5", 2, "`caddy pools history a/b` says of which ones they are"},
		{nothing, "list", 3, "the admin endpoint at " + nothing + " cannot be reached: connection refused"},
		{socket, "list", 3, "cannot be reached: no such file or directory"},
		{bare, "list", 3, "answers, but has no API of pools (not found)"},
		{bare, "drain web one", 3, "is the Caddy that runs built with this plugin?"},
		{address, "show wbe", 4, `there is no pool "wbe"; the config has a/b, web`},
		{address, "drain wbe one", 4, `there is no pool "wbe"`},
		{address, "history wbe", 4, `there is no pool "wbe"`},
		{address, "watch wbe", 4, `there is no pool "wbe"`},
		{address, "show web two", 5, `pool "web" has no endpoint with the id or address "two"`},
		{address, "reset web two", 5, `pool "web" has no endpoint with the id or address "two"`},
		{address, "wait web two --idle", 5, `pool "web" has no endpoint with the id or address "two"`},
		{address, "wait web --usable 2 --timeout 1ms", 6, "not within 1ms: 1 of 2 endpoints usable"},
		{address, "wait web one --idle --timeout 1ms", 6, "not within 1ms: 2 requests in flight"},
		{address, "wait web two --timeout 1ms", 6, "not within 1ms: 0 of 1 endpoint usable"},
		{nothing, "wait web --timeout 1ms", 3, "not within 1ms: the admin endpoint at"},
		{address, "wait wbe --timeout 1ms", 4, `not within 1ms: there is no pool "wbe"`},
		{address, "drain web one", 7, `endpoint one is the last usable one of pool "web"; --force`},
		{address, "wait web one", 0, "1 of 1 endpoint usable"},
		{address, "wait web 10.0.0.2:80 --idle", 0, "0 requests in flight"},
		{address, "wait web 10.0.0.2:80 --no-sessions", 0, "0 requests in flight, 0 sessions"},
		{address, "wait web one --no-sessions --timeout 1ms", 6, "not within 1ms: 2 requests in flight, 7 sessions"},
		{address, "wait web two --no-sessions", 5, `pool "web" has no endpoint`},
		{carried, "wait web --no-sessions", 1, `no-sessions: the proxy remembers no sessions of pool "web"`},
	} {
		got := pools(c.address, strings.Fields(c.args)...)
		if got.code != c.code || !strings.Contains(got.err, c.want) {
			t.Errorf("%s: code %d, %q; want %d, %q", c.args, got.code, got.err, c.code, c.want)
		}
	}
}

func TestNamesAreCompleted(t *testing.T) {
	address := twoPools().start(t)
	for args, want := range map[string]string{
		"drain":              "a/b web",
		"drain web":          "10.0.0.1:80 one 10.0.0.2:80",
		"drain web one":      "10.0.0.1:80 one 10.0.0.2:80",
		"history":            "a/b web",
		"history web":        "",
		"weight web one":     "",
		"drain web --reason": "",
		"show --json":        "a/b web",
		"drain wbe":          "",
	} {
		completed := pools(address, append(append([]string{"__completeNoDesc"}, strings.Fields(args)...), "")...).out
		completed, _, _ = strings.Cut(completed, ":4\n")
		completed, _, _ = strings.Cut(completed, ":0\n")
		if got := strings.Join(strings.Fields(completed), " "); got != want {
			t.Errorf("%s: got %q, want %q", args, got, want)
		}
	}
}

func TestTheAddressMayBeASocketWithPermissions(t *testing.T) {
	path := filepath.Join(caddytest.SocketDir(t), "admin")
	listener, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.Server{Listener: listener, Config: &http.Server{Handler: twoPools()}}
	server.Start()
	defer server.Close()
	if got := pools("unix/"+path+"|0200", "list", "-q"); got.code != 0 || got.out != "a/b\nweb\n" {
		t.Errorf("%+v", got)
	}
}
