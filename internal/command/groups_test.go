package command_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

const splitSite = `
http:// {
	bind unix/%s
	reverse_proxy {
		dynamic pool web {
			source static {
				endpoint 127.0.0.1:1
				endpoint 127.0.0.1:2 {
					metadata version v2
				}
			}
		}
		lb_policy split {
			group stable
			group canary version=v2 10%%
			force header X-Version
		}
	}
}
`

// inSeconds matches the age of what the test has just done.
var inSeconds = regexp.MustCompile(`\b[0-9]+s\b`)

func TestTheCommandSetsTheShareOfAGroup(t *testing.T) {
	c := caddytest.New(t)
	c.Start(c.GlobalOptions("") + fmt.Sprintf(splitSite, c.SiteSocket(0)))
	t.Cleanup(c.Stop)
	step := func(code int, want string, args ...string) {
		t.Helper()
		got := pools("unix/"+c.AdminSocket(), args...)
		text := strings.Join(strings.Fields(got.out+got.err), " ")
		text = inSeconds.ReplaceAllString(text, "0s")
		if got.code != code || !strings.Contains(text, want) {
			t.Errorf("%q: code %d\n%s\nwant %d, %s", args, got.code, text, code, want)
		}
	}
	step(0, "2 of 2 endpoints usable", "wait", "web", "--usable", "2")
	step(0, "GROUP SHARE CONFIG USABLE PICKS canary 10% 10% 1/1 0 stable 90% the rest 1/1 0", "groups", "web")
	step(0, "group canary gets 25.5% of the requests", "share", "web", "canary", "25.5%", "--reason", "looks good")
	step(0, "canary 25.5% 10% 1/1 0 0s a unix socket looks good", "groups", "web")
	step(0, "share of group canary: 25.5 %", "history", "web")
	step(0, "group canary: 25.5%; 1 of 1 endpoint usable, set by a unix socket 0s ago; the config says 10%: looks good", "show", "web")
	step(0, "group stable: 74.5%, which the others leave; 1 of 1 endpoint usable", "show", "web")
	step(0, "127.0.0.1:2 canary healthy", "show", "web")
	step(0, "the request names its group; within the group, its cost is the least of its band for server srv0 on", "explain", "web", "/", "--header", "X-Version: canary")
	step(2, "share: 101 is not between 0 and 100", "share", "web", "canary", "101%")
	step(1, `"a lot" is no percentage`, "share", "web", "canary", "a lot")
	step(1, `group: ".." is not the name of a group`, "share", "web", "..", "1%")
	step(1, `group: "" is not the name of a group`, "share", "web", "", "config")
	step(1, `"NaN%" is no percentage`, "share", "web", "canary", "NaN%")
	step(1, `"inf" is no percentage`, "share", "web", "canary", "inf")
	step(1, "expected pools share <pool> <group>", "share", "web", "canary")
	step(2, `the pool has no group "other"`, "share", "web", "other", "1%")
	step(4, `there is no pool "other"`, "share", "other", "canary", "1%")
	step(0, "", "share", "web", "canary", "config")
	step(0, "group canary: no share was set", "share", "web", "canary", "config")
	step(2, `the pool has no group "other"`, "share", "web", "other", "config")
	step(0, "canary 10% 10% 1/1", "groups", "web")
}
