package status_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// explainedSites pick from one pool by two policies.
const explainedSites = `
http:// {
	bind unix/%[1]s
	reverse_proxy {
		dynamic pool web {
			source static 127.0.0.1:1 127.0.0.1:2 127.0.0.1:3
		}
		lb_policy bounded_load_hash {http.request.header.Session}{client_ip}
	}
}
http://least {
	bind unix/%[1]s
	reverse_proxy {
		dynamic pool web {
			source static 127.0.0.1:1 127.0.0.1:2 127.0.0.1:3
		}
	}
}
http://turns {
	bind unix/%[1]s
	reverse_proxy {
		dynamic pool turns {
			source static 127.0.0.1:1 127.0.0.1:2
		}
		lb_policy smooth_weighted_round_robin
	}
}
http://listed {
	bind unix/%[1]s
	reverse_proxy {
		dynamic pool listed {
			source static 127.0.0.1:1
		}
		lb_policy random
	}
}
`

// sessionSites pick from one pool by one policy, and find sessions in different places.
const sessionSites = `
http:// {
	bind unix/%[1]s
	reverse_proxy {
		dynamic pool web {
			source static {
				endpoint 127.0.0.1:1 {
					id one
				}
			}
		}
		lb_policy sticky {
			query a {
				value route
			}
		}
	}
}
http://b {
	bind unix/%[1]s
	reverse_proxy {
		dynamic pool web {
			source static {
				endpoint 127.0.0.1:1 {
					id one
				}
			}
		}
		lb_policy sticky {
			query b {
				value route
			}
		}
	}
}
`

type explained struct {
	Policy, Picked, Reason, Route, Key string
	Sites                              []string
	MoreSites                          int `json:"more_sites"`
	Endpoints                          []struct {
		Address, State, Reason string
		Usable                 bool
		Rank                   int
		Cost                   *float64
		Parts                  map[string]float64
	}
}

func startExplained(t *testing.T, sites string) *balanced {
	t.Helper()
	b := &balanced{t: t, caddy: caddytest.New(t)}
	b.config = b.caddy.GlobalOptions("") + fmt.Sprintf(sites, b.caddy.SiteSocket(0))
	t.Cleanup(b.caddy.Stop)
	b.start()
	return b
}

// explain returns what each policy of a pool says of a request, by the name of the policy.
func (b *balanced) explain(pool, request string) map[string]explained {
	b.t.Helper()
	var all []explained
	a := b.want("POST", "/pools/"+pool+"/explain", request, 200, "")
	if err := json.Unmarshal([]byte(a.body), &all); err != nil {
		b.t.Fatal(err)
	}
	byPolicy := make(map[string]explained)
	for _, e := range all {
		byPolicy[e.Policy] = e
	}
	return byPolicy
}

func TestAnExplanationSaysWhichEndpointWouldBePickedAndWhy(t *testing.T) {
	b := startExplained(t, explainedSites)
	b.want("PATCH", "/pools/web/endpoints/127.0.0.1:2", `{"state": "maintenance", "reason": "a new disk"}`, 200, "")
	const request = `{"uri": "/a/17?x", "headers": {"Session": "abc"}, "client": "10.1.2.3"}`
	all := b.explain("web", request)
	hash, least := all["bounded_load_hash"], all["adaptive_latency"]
	if hash.Key != "abc10.1.2.3" || hash.Picked == "" || hash.Endpoints[0].Parts["hash_order"] == 0 {
		t.Errorf("by hash: %+v", hash)
	}
	if again := b.explain("web", request)["bounded_load_hash"]; again.Picked != hash.Picked {
		t.Errorf("the same key is at %s and then at %s", hash.Picked, again.Picked)
	}
	if least.Route != "GET /a/*" || least.Picked == "" || least.Endpoints[0].Cost == nil {
		t.Errorf("by cost: %+v", least)
	}
	for policy, e := range all {
		last := e.Endpoints[len(e.Endpoints)-1]
		if len(e.Endpoints) != 3 || last.Usable || last.Address != "127.0.0.1:2" ||
			last.Reason != "an operator says so: a new disk" {
			t.Errorf("%s does not say why an endpoint is not usable: %+v", policy, last)
		}
		if e.Picked != e.Endpoints[0].Address || e.Endpoints[0].Rank != 1 {
			t.Errorf("%s picks %s, which is not the first: %+v", policy, e.Picked, e.Endpoints[0])
		}
	}
	turns := b.explain("turns", `{"uri": "/"}`)["smooth_weighted_round_robin"]
	if turns.Picked != "" || !strings.Contains(turns.Reason, "in turn") || turns.Endpoints[0].Parts["share"] != .5 {
		t.Errorf("by turns: %+v", turns)
	}
}

func TestARequestThatCannotBeExplainedIsRefusedWithTheReason(t *testing.T) {
	b := startExplained(t, explainedSites)
	for body, want := range map[string]string{
		``:                                "is empty",
		`{"url": "/"}`:                    `unknown field \"url\"; the fields are method, uri,`,
		`{"uri": "a"}`:                    `uri: \"a\" does not begin with a slash`,
		`{"uri": "/%zz"}`:                 "uri: parse",
		`{"uri": "/", "method": "G E T"}`: "method: net/http",
		`{"uri": "/", "client": "me"}`:    `client: \"me\" is not an IP address`,
	} {
		b.want("POST", "/pools/web/explain", body, 400, want)
	}
	b.want("POST", "/pools/listed/explain", `{"uri": "/"}`, 404, "no policy of this plugin picks")
	b.want("POST", "/pools/other/explain", `{"uri": "/"}`, 404, "there is no pool")
}

func TestSitesWhosePoliciesDifferInWhatTheyMakeOfARequestAreAllExplained(t *testing.T) {
	b := startExplained(t, sessionSites)
	for range 10 { // in which order policies are asked is left to chance
		var all []explained
		a := b.want("POST", "/pools/web/explain", `{"uri": "/?a=one"}`, 200, "")
		if err := json.Unmarshal([]byte(a.body), &all); err != nil {
			t.Fatal(err)
		}
		if len(all) != 2 || !strings.HasPrefix(all[0].Reason, "newcomer") || all[1].Reason != "session of endpoint one" {
			t.Fatalf("it is explained as %+v", all)
		}
	}
}

func TestAnExplanationNamesTheSitesWhosePolicyItIs(t *testing.T) {
	var sites strings.Builder
	for i := range 12 {
		fmt.Fprintf(&sites, `
http://site%02d {
	bind unix/%%[1]s
	handle /api/* {
		reverse_proxy /api/v1/* {
			dynamic pool web {
				source static 127.0.0.1:1 127.0.0.1:2 127.0.0.1:3
			}
		}
	}
	handle_errors 404 {
		reverse_proxy {
			dynamic pool web {
				source static 127.0.0.1:1 127.0.0.1:2 127.0.0.1:3
			}
			lb_policy weighted_first
		}
	}
}`, i)
	}
	b := startExplained(t, explainedSites+sites.String())
	all := b.explain("web", `{"uri": "/"}`)
	if hash := all["bounded_load_hash"]; len(hash.Sites) != 1 || !strings.HasPrefix(hash.Sites[0], "server srv0 on unix/") {
		t.Errorf("a site without a host is %q", hash.Sites)
	}
	least := all["adaptive_latency"]
	if len(least.Sites) != 10 || least.Sites[0] != "least" || least.Sites[1] != "site00 /api/* /api/v1/*" || least.MoreSites != 3 {
		t.Errorf("the sites are %q and %d more", least.Sites, least.MoreSites)
	}
	if first := all["weighted_first"]; len(first.Sites) != 10 || first.Sites[9] != "site09" || first.MoreSites != 2 {
		t.Errorf("the sites with error handlers are %q and %d more", first.Sites, first.MoreSites)
	}
}
