package lbpolicy

import (
	"fmt"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// This file tests the properties that every policy has. It finds the registered policies itself.

// required has the settings without which a policy does not load.
var required = map[string]string{
	"bounded_load_hash": `,"key":"{http.request.uri.path}"`,
	"split":             `,"groups":[{"name":"all"},{"name":"none","match":{"version":"v2"},"share":30}]`,
}

// policy is implemented by all policies of this package, and by none of Caddy's.
type policy interface {
	reverseproxy.Selector
	endpoint.Policy
}

func TestNothingIsSelectedFromNothing(t *testing.T) {
	everyPolicy(t, "", func(t *testing.T, h *host) {
		for _, r := range []*http.Request{nil, httptest.NewRequest(http.MethodGet, "/", nil)} {
			if u := h.policy.Select(nil, r, nil); u != nil {
				t.Errorf("selected %s", u)
			}
		}
	})
}

func TestAnUntrackedRequestIsServedAndNotCounted(t *testing.T) {
	everyPolicy(t, "a:1 b:1", func(t *testing.T, h *host) {
		for _, r := range []*http.Request{nil, httptest.NewRequest(http.MethodGet, "/", nil)} {
			if h.selectFor(r) == "" {
				t.Error("selected nothing")
			}
		}
		for _, e := range h.endpoints(t) {
			waitFor(t, func() bool { return e.InFlight() == 0 })
		}
	})
}

func TestAPickHoldsAPlaceUntilTheRequestIsOver(t *testing.T) {
	everyPolicy(t, "a:1 b:1 c:1", func(t *testing.T, h *host) {
		inFlight := func() (n int) {
			for _, e := range h.endpoints(t) {
				n += e.InFlight()
			}
			return n
		}
		var ends []func()
		for i := range 30 {
			r, end := request(t, fmt.Sprint("/", i))
			ends = append(ends, end)
			h.selectFor(r)
		}
		waitFor(t, func() bool { return inFlight() >= 30 })
		for _, end := range ends {
			end()
		}
		waitFor(t, func() bool { return inFlight() == 0 })
	})
}

func TestARetryGoesToAnUntriedEndpoint(t *testing.T) {
	everyPolicy(t, "a:1 b:1 c:1 d:1 e:1", func(t *testing.T, h *host) {
		for i := range 50 {
			r, end := request(t, fmt.Sprint("/", i))
			var tried []string
			for range 5 {
				tried = append(tried, h.selectFor(r))
			}
			if sorted := slices.Sorted(slices.Values(tried)); len(slices.Compact(sorted)) != 5 || sorted[0] == "" {
				t.Fatalf("five tries went to %v", tried)
			}
			if h.selectFor(r) == "" {
				t.Error("with all endpoints tried, none is tried again")
			}
			end()
		}
	})
}

func TestAFullEndpointGetsNothing(t *testing.T) {
	everyPolicy(t, "a:1/2 b:1/3", func(t *testing.T, h *host) {
		got := map[string]int{}
		for i := range 9 {
			r, end := request(t, fmt.Sprint("/", i))
			defer end()
			got[h.selectFor(r)]++
		}
		if got["a:1"] != 2 || got["b:1"] != 3 || got[""] != 4 {
			t.Errorf("got %v, want 2 and 3 and then nothing", got)
		}
	})
}

func TestEqualEndpointsGetEqualShares(t *testing.T) {
	everySharingPolicy(t, func(t *testing.T, h *host) {
		for _, n := range []int{2, 3, 10, 100} { // deploy, shrink and expand
			counts := shares(t, h.policy, slices.Repeat([]int{1}, n), 400*n)
			for address, c := range counts {
				if c > 800 || c < 100 {
					t.Errorf("of %d endpoints %s got %d requests; its share is 400", n, address, c)
				}
			}
			if len(counts) != n {
				t.Errorf("only %d of %d got any", len(counts), n)
			}
		}
	})
}

func TestSharesOfRequestsFollowWeights(t *testing.T) {
	everySharingPolicy(t, func(t *testing.T, h *host) {
		weights := []int{1, 2, 3, 0, 4}
		counts := shares(t, h.policy, weights, 10000)
		for i, w := range weights {
			if got := counts[address(i)]; math.Abs(float64(got-1000*w)) > 150+100*float64(w) || w == 0 && got > 0 {
				t.Errorf("weight %d got %d of 10000 requests", w, got)
			}
		}
	})
}

func TestAPickAllocatesNothing(t *testing.T) {
	everyPolicy(t, "", func(t *testing.T, h *host) {
		for _, n := range []int{10, 1000} {
			roster, release := endpoint.AcquireStatic()
			defer release()
			infos := make([]listing.Info, n)
			for i := range infos {
				infos[i] = listing.Info{Address: address(i), Weight: 1 + i%7}
			}
			roster.Replace(infos)
			picker := h.policy.NewPicker(roster, nil)
			defer picker.Stop()
			if allocs := testing.AllocsPerRun(1000, func() { picker.Pick(nil) }); allocs != 0 {
				t.Errorf("%v allocations among %d endpoints", allocs, n)
			}
		}
	})
}

func TestAFailedConfigIsAClearError(t *testing.T) {
	const up = `"upstreams":[{"dial":"a:1"},{"dial":"b:1"}]`
	for config, want := range map[string]string{
		`"smooth_weighted_round_robin","weights":[1,2,3]`:                         "weights: 3 for 2 upstreams",
		`"smooth_weighted_round_robin","weights":[1,-2]`:                          "weights: -2 at position 2 is not between 0 and 65535",
		`"smooth_weighted_round_robin","weights":[1,65536]`:                       "weights: 65536 at position 2",
		`"smooth_weighted_round_robin","weights":[0,0]`:                           "weights: all are 0",
		`"smooth_weighted_round_robin","wieghts":[1,1]`:                           `unknown field "wieghts"`,
		`"weighted_least_conn","weights":[1,2,3]`:                                 "weights: 3 for 2 upstreams",
		`"weighted_random","weights":[1,65536]`:                                   "weights: 65536 at position 2",
		`"weighted_first","weights":[2,1]`:                                        `unknown field "weights"`,
		`"adaptive_latency","decay":"-1s"`:                                        "decay: -1s is negative; expected 0s, or 1ms or more",
		`"adaptive_latency","error_penalty":"-5s"`:                                "error_penalty: -5s is negative",
		`"adaptive_latency","choices":1`:                                          "choices: is 1; expected 0 (automatic), or from 2 to 32",
		`"adaptive_latency","choices":33`:                                         "choices: is 33",
		`"bounded_load_hash"`:                                                     "key: is empty",
		`"bounded_load_hash","key":"{a}","load_factor":0.5`:                       "load_factor: 0.5 is not between 1 and 1000",
		`"bounded_load_hash","key":"{a}","fallback":{"policy":"nowhere"}`:         "fallback: ",
		`"bounded_load_hash","key":"1.25"`:                                        `key: "1.25" has no placeholder, so all requests would have the same key`,
		`"bounded_load_hash","key":"path"`:                                        "expected {http.request.uri.path}",
		`"sticky","path":{"name":"a;b"}`:                                          `path: name: "a;b" is not the name of a parameter in the path`,
		`"weighted_random","weights":"3"`:                                         "weights: is a string; expected a list",
		`"weighted_least_conn","weights":[1,1.5]`:                                 "weights: entry 2: is the number 1.5; expected a whole number",
		`"weighted_random","wieghts":[1,1]`:                                       `unknown field "wieghts"; the fields are weights`,
		`"weighted_first","weight":1`:                                             `unknown field "weight"; there are no options`,
		`"sticky","cookie":"lb"`:                                                  "cookie: is a string; expected an object",
		`"sticky","cookie":{"secure":true}`:                                       "cookie: secure: is true or false; expected a string",
		`"sticky","keys":"abc"`:                                                   "keys: is a string; expected a list",
		`"sticky","learn":{"cookie":"a","size":"9"}`:                              "learn: size: is a string; expected a whole number",
		`"split","groups":[{"name":"a","share":"10%"}]`:                           "groups: entry 1: share: is a string; expected a number",
		`"split","groups":[{"name":"a","match":"x=y"}]`:                           "groups: entry 1: match: is a string; expected an object",
		`"sticky","query":{}`:                                                     "query: name: is empty; expected the name",
		`"sticky","cookie":{"path":"app"}`:                                        "cookie: path: 'app' does not begin with a slash",
		`"sticky","cookie":{"name":"__Host-lb","domain":"a.example"}`:             "cookie: domain: is 'a.example', but browsers refuse",
		`"sticky","cookie":{"name":"__Host-lb","path":"/app"}`:                    "cookie: path: is '/app', but browsers refuse",
		`"sticky","cookie":{"name":"__secure-lb","secure":"off"}`:                 "cookie: secure: is off, but browsers refuse",
		`"split","groups":[{"name":"a"},{"name":"b","match":{"":"2"},"share":1}]`: "group b: match: '=2' has no key",
		`"split","groups":[{"name":"a"},{"name":"b","match":{"v":""},"share":1}]`: "group b: match: 'v=' has no value",
		`"split"`:              "groups: there are none",
		`"split","group":[{}]`: `unknown field "group"`,
		`"split","groups":[{"name":"a"},{"name":"a"}]`:                                                                        `groups: there are two with the name "a"`,
		`"split","groups":[{"name":""}]`:                                                                                      "groups: name of group 1: is empty; expected letters",
		`"split","groups":[{"name":"a"},{"name":".."}]`:                                                                       `groups: name of group 2: ".." begins with "."; expected letters`,
		`"split","groups":[{"name":"a/b"}]`:                                                                                   `groups: name of group 1: "a/b" has the character '/'; expected letters`,
		`"split","groups":[{"name":"a b"}]`:                                                                                   `groups: name of group 1: "a b" has the character ' '`,
		`"split","groups":[{"name":"a%2Fb"}]`:                                                                                 `groups: name of group 1: "a%2Fb" has the character '%'`,
		`"split","groups":[{"name":"a\u0000"}]`:                                                                               `groups: name of group 1: "a\x00" has the character '\x00'`,
		`"split","groups":[{"name":"grün"}]`:                                                                                  `groups: name of group 1: "grün" has the character 'ü'`,
		`"split","groups":[{"name":"` + strings.Repeat("a", 65) + `"}]`:                                                       "groups: name of group 1: has 65 bytes; expected at most 64",
		`"split","groups":[{"name":"a","share":10}]`:                                                                          "groups: all have a share",
		`"split","groups":[{"name":"a"},{"name":"b","match":{"v":"2"}}]`:                                                      "group b: it has no share, as group a",
		`"split","groups":[{"name":"a"},{"name":"b","share":10}]`:                                                             "group b: it has no conditions, as group a",
		`"split","groups":[{"name":"a"},{"name":"b","match":{"v":"2"},"share":101}]`:                                          "group b: share: 101 is not between 0 and 100",
		`"split","groups":[{"name":"a"},{"name":"b","match":{"v":"2"},"share":0.001}]`:                                        "group b: share: 0.001 is more precise",
		`"split","groups":[{"name":"a"},{"name":"b","match":{"v":"2"},"share":60},{"name":"c","match":{"v":"3"},"share":50}]`: "groups: their shares are 110 % together",
		`"split","groups":[{"name":"a","guest":{"policy":"nowhere"}}]`:                                                        "group a: policy: ",
		`"split","groups":[{"name":"a"}],"sticky":{}`:                                                                         "sticky: neither cookie nor key is set",
		`"split","groups":[{"name":"a"}],"sticky":{"key":"path"}`:                                                             `sticky: key: "path" has no placeholder`,
		`"split","groups":[{"name":"a"}],"sticky":{"key":"{a}","cookie":{"name":"v"}}`:                                        "sticky: cookie and key are set",
		`"split","groups":[{"name":"a"}],"sticky":{"cookie":{}}`:                                                              "sticky: cookie: name: is empty",
		`"split","groups":[{"name":"a"}],"sticky":{"cookie":{"name":"v","idle":"1h"}}`:                                        "sticky: cookie: idle: a client stays in its group",
		`"split","groups":[{"name":"a"}],"sticky":{"cookie":{"name":"v","same_site":"loose"}}`:                                "sticky: cookie: same_site: 'loose'",
		`"split","groups":[{"name":"a"}],"guard":{"errors":0.5}`:                                                              "guard: errors: 0.5 is not between 1 and 1000",
		`"split","groups":[{"name":"a"}],"guard":{"p99":0}`:                                                                   "p99: is 0; leave it out for its default",
		`"split","groups":[{"name":"a"}],"guard":{"confidence":100}`:                                                          "guard: confidence: 100 is not between",
		`"split","groups":[{"name":"a"}],"guard":{"window":"25h"}`:                                                            "guard: window: 25h0m0s is more than 24h0m0s",
		`"split","groups":[{"name":"a"}],"guard":{}`:                                                                          "guard: it needs a pool",
		`"split","groups":[{"name":"a"},{"name":"b","match":{"v":"2"},"share":1,"steps":[{"share":5}]}]`:                      "group b: steps: there is a share too",
		`"split","groups":[{"name":"a"},{"name":"b","match":{"v":"2"},"steps":[{"share":5},{"share":6}]}]`:                    "group b: steps: step 1 has no time; expected one, as in 5% 10m",
		`"split","groups":[{"name":"a"},{"name":"b","match":{"v":"2"},"steps":[{"share":5,"for":"1h"}]}]`:                     "group b: steps: step 1 is the last one and has a time",
		`"split","groups":[{"name":"a"},{"name":"b","match":{"v":"2"},"steps":[{"share":500}]}]`:                              "group b: steps: share 1: 500 is not between",
		`"split","groups":[{"name":"a"},{"name":"b","match":{"v":"2"},"steps":[{"share":5}]}]`:                                "group b: steps: it needs a pool",
		`"split","groups":[{"name":"a"}],"force":{}`:                                                                          "force: neither header nor cookie is given",
		`"bounded_load_hash","key":"{client_ip/200}"`:                                                                         "key: {client_ip/200}: '200' is no length of a network",
	} {
		_, err := loadHandler(t, `{`+up+`,"load_balancing":{"selection_policy":{"policy":`+config+`}}}`)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s\n got %v\nwant %s", config, err, want)
		}
	}
}
