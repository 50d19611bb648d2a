package status_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

const splitSite = `
http:// {
	bind unix/%s
	reverse_proxy {
		dynamic pool web {
			source static {
				endpoint %s
				endpoint %s {
					metadata version %s
				}
			}
		}
		lb_policy split {
			group stable
			group canary version=%[4]s 10%%
			group dark version=none 0%%
		}
	}
}
`

// startSplit starts a Caddy with a canary, which is backend 1.
func startSplit(t *testing.T) *balanced {
	b := startBalanced(t, 2)
	b.setCanary("v2")
	b.reload()
	return b
}

func (b *balanced) setCanary(version string) {
	b.config = b.caddy.GlobalOptions("") +
		fmt.Sprintf(splitSite, b.caddy.SiteSocket(0), b.backends[0], b.backends[1], version)
}

func (b *balanced) reload() {
	b.t.Helper()
	if err := b.caddy.Reload(b.caddy.Adapt(b.config)); err != nil {
		b.t.Fatal(err)
	}
}

func (b *balanced) restart() {
	b.t.Helper()
	b.caddy.Stop()
	b.caddy.Start(b.config)
	b.admin = admin{&http.Client{Transport: caddytest.SingleUseTransport(b.caddy.AdminSocket())}}
	caddytest.Eventually(b.t, time.Minute, "the pool has its list", func() bool {
		return strings.Contains(b.want("GET", "/pools/web", "", 200, "").body, `"endpoints":2`)
	})
}

// canaries returns how many of 100 requests the canary gets.
func (b *balanced) canaries() (n int) {
	b.t.Helper()
	client := &http.Client{Transport: caddytest.Transport(b.caddy.SiteSocket(0))}
	defer client.CloseIdleConnections()
	site := admin{client}
	for range 100 {
		if a := site.call(b.t, "GET", "/", ""); a.status != http.StatusOK {
			b.t.Fatalf("status %d", a.status)
		} else if a.body == "1" {
			n++
		}
	}
	return n
}

// wantCanaries waits until the canary gets a number of 100 requests. After a reload, a connection
// may be one that a server of the config before has taken, and the list comes a moment later.
func (b *balanced) wantCanaries(when string, want int) {
	b.t.Helper()
	what := fmt.Sprintf("%s: the canary gets %d of 100 requests", when, want)
	caddytest.Eventually(b.t, patience, what, func() bool {
		got := b.canaries()
		return got >= want-2 && got <= want+2
	})
}

func TestAShareThatWasSetHoldsOverReloadsAndRestarts(t *testing.T) {
	b := startSplit(t)
	const canary = "/pools/web/groups/canary"
	b.wantCanaries("by the config", 10)
	b.want("PATCH", canary, `{"share": 40, "reason": "looks good"}`, 200, `"share":40,"configured":10`)
	b.wantCanaries("set", 40)
	b.want("GET", "/pools/web/groups", "", 200, `"by":"a unix socket","reason":"looks good"`)
	b.want("GET", "/pools/web", "", 200, `"name":"canary","share":40`)
	b.want("GET", canary, "", 200, `"name":"canary","share":40,"configured":10`)
	b.want("GET", "/pools/web/history", "", 200, `"event":"share of group canary: 40 %"`)
	b.reload()
	b.wantCanaries("after a reload", 40)
	b.restart()
	b.wantCanaries("after a restart", 40)
	b.want("DELETE", canary+"/share", "", 204, "")
	b.want("DELETE", canary+"/share", "", 404, "no share is set")
	b.wantCanaries("left to the config", 10)
	b.restart()
	b.wantCanaries("left to the config and restarted", 10)
}

func TestAShareThatWasSetDoesNotHoldForTheNextCanary(t *testing.T) {
	b := startSplit(t)
	b.want("PATCH", "/pools/web/groups/canary", `{"share": 0}`, 200, `"share":0`)
	b.wantCanaries("stopped", 0)
	b.setCanary("v3")
	b.reload()
	b.wantCanaries("of another version", 10)
}

func TestAShareThatIsWrongIsRefusedWithTheReason(t *testing.T) {
	b := startSplit(t)
	b.want("PATCH", "/pools/web/groups/dark", `{"share": 30}`, 200, `"share":30`)
	for _, c := range [][3]string{
		{"canary", `{"share": 71}`, "share: 71 is more than the other groups leave, which is 70"},
		{"canary", `{"share": -1}`, "share: -1 is not between 0 and 100"},
		{"canary", `{"share": 1.234}`, "share: 1.234 is more precise than a hundredth"},
		{"canary", `{"share": 1e-9}`, "share: 1e-09 is more precise than a hundredth"},
		{"canary", `{"share": 99.9999999999}`, "share: 99.9999999999 is more precise than a hundredth"},
		{"canary", `{"share": "10%"}`, "body: "},
		{"canary", `{}`, "share: is missing; expected a number from 0 to 100"},
		{"canary", `[]`, "is a list; expected an object with "},
		{"canary", `{"shares": 10}`, `unknown field \"shares\"; the fields are share and reason`},
		{"canary", `{"share": 1, "reason": "` + strings.Repeat("x", 1001) + `"}`, "reason: has 1001 bytes"},
		{"stable", `{"share": 50}`, `group \"stable\" gets what the others leave`},
	} {
		b.want("PATCH", "/pools/web/groups/"+c[0], c[1], 400, c[2])
	}
	b.want("PATCH", "/pools/web/groups/nowhere", `{"share": 1}`, 404, `the pool has no group \"nowhere\"`)
	b.want("GET", "/pools/web/groups/nowhere", "", 404, `the pool has no group \"nowhere\"; it has canary, dark, stable`)
	b.want("PATCH", "/pools/nowhere/groups/canary", `{"share": 1}`, 404, "there is no pool")
	b.want("GET", "/pools/nowhere/groups", "", 404, "there is no pool")
	b.wantCanaries("after all that", 10)
}

func TestTheSharesOfGroupsBelowMultiAreThoseOfTheConfig(t *testing.T) {
	b := startBalanced(t, 2)
	b.setCanary("v2")
	b.config = strings.Replace(b.config, "dynamic pool web {", "dynamic multi {\npool web {", 1)
	b.config = strings.Replace(b.config, "lb_policy split", "}\nlb_policy split", 1)
	b.reload()
	b.wantCanaries("by the config", 10)
	b.want("GET", "/pools/web/groups", "", 200, "[]")
	const reason = "it has none, because no `lb_policy split` picks from it; " +
		"below `dynamic multi`, the shares are those of the config"
	b.want("GET", "/pools/web/groups/canary", "", 404, reason)
	b.want("PATCH", "/pools/web/groups/canary", `{"share": 40}`, 404, reason)
}
