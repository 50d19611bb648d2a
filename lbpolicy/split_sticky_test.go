package lbpolicy

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// groupsOf returns the version that each of some users gets.
func groupsOf(t *testing.T, s *splitPool, users int) []string {
	t.Helper()
	all := make([]string, users)
	for i := range all {
		got := s.send(t, 1, func(r *http.Request) { r.Header.Set("X-User", fmt.Sprint("user", i)) })
		for version := range got {
			all[i] = version
		}
	}
	return all
}

func canaryOf(share int, sticky string) string {
	return fmt.Sprintf(`"groups":[{"name":"stable","match":{"version":"a"}},`+
		`{"name":"canary","match":{"version":"b"},"share":%d}],"sticky":{%s}`, share, sticky)
}

func TestAUserStaysInItsGroupAndOnlyThoseMoveThatMust(t *testing.T) {
	const users, key = 3000, `"key":"{http.request.header.X-User}"`
	before := groupsOf(t, newSplitPool(t, canaryOf(10, key), "ab"), users)
	again := groupsOf(t, newSplitPool(t, canaryOf(10, key), "aabb"), users)
	after := groupsOf(t, newSplitPool(t, canaryOf(20, key), "ab"), users)
	canaries := 0
	for i := range before {
		if before[i] != again[i] {
			t.Fatalf("user %d was at %s, and at %s by another proxy", i, before[i], again[i])
		}
		if before[i] == "b" && after[i] != "b" {
			t.Fatalf("user %d leaves the canary though its share rises", i)
		}
		if after[i] == "b" {
			canaries++
		}
	}
	if canaries < 510 || canaries > 690 { // four standard deviations around 600
		t.Errorf("%d of %d users are at the canary, want about a fifth", canaries, users)
	}
}

func TestARequestWithoutAKeyTakesItsTurn(t *testing.T) {
	s := newSplitPool(t, canaryOf(10, `"key":"{http.request.header.X-User}"`), "ab")
	if got := s.send(t, 1000, nil); got["b"] < 98 || got["b"] > 102 {
		t.Errorf("got %v", got)
	}
}

// The endpoints of one group are as even as without the split: the group does not depend on the
// same bits of a hash as the endpoint.
func TestAGroupByKeyDoesNotDisturbAHashByTheSameKey(t *testing.T) {
	s := newSplitPool(t, `"sticky":{"key":"{http.request.header.X-User}"},"groups":[
		{"name":"stable","match":{"version":"a"}},{"name":"canary","match":{"version":"b"},"share":25,
			"guest":{"policy":"bounded_load_hash","key":"{http.request.header.X-User}"}}]`, "abbbb")
	at := map[string]int{}
	for i := range 4000 {
		r, end := request(t, "/")
		r.Header.Set("X-User", fmt.Sprint("user", i))
		e, _ := s.picker.Pick(r)
		at[e.Address()]++
		end()
		waitFor(t, func() bool { return e.InFlight() == 0 })
	}
	for address, n := range at {
		if versionOf(address) == "b" && (n < 175 || n > 325) { // five standard deviations around 250
			t.Errorf("%s got %d of the 1000 requests of four canaries", address, n)
		}
	}
}

func TestTheSlotOfACookieIsANumberOrItsClientIsANewcomer(t *testing.T) {
	for value, want := range map[string]int{
		"0": 0, "9999": 9999, "42": 42,
		"10000": -1, "-1": -1, "042": -1, "+4": -1, "": -1, "x": -1, "1e3": -1, "99999999999999999999": -1,
	} {
		slot, ok := parseSlot(value)
		if !ok {
			slot = -1
		}
		if slot != want {
			t.Errorf("%q is slot %d, want %d", value, slot, want)
		}
	}
}

func TestANewcomerGetsTheCookieOnceAndATesterNone(t *testing.T) {
	s := newSplitPool(t, canaryOf(10, `"cookie":{"name":"variant","max_age":"720h"}`)+
		`,"force":{"header":"X-Version"}`, "ab")
	list := reverseproxy.UpstreamPool{}
	cookies := func(change func(*http.Request)) []string {
		r, end := request(t, "/")
		defer end()
		change(r)
		e, _ := s.picker.Pick(r)
		w := httptest.NewRecorder()
		list = append(list[:0], &reverseproxy.Upstream{Dial: e.Address(), Host: new(reverseproxy.Host)})
		s.policy.Select(list, r, w)
		return w.Header()["Set-Cookie"]
	}
	set := cookies(func(*http.Request) {})
	if len(set) != 1 || !strings.HasPrefix(set[0], "variant=") || !strings.Contains(set[0], "Max-Age=2592000") ||
		!strings.Contains(set[0], "HttpOnly") {
		t.Fatalf("a newcomer got %q", set)
	}
	value, _, _ := strings.Cut(set[0], ";")
	if set = cookies(func(r *http.Request) { r.Header.Set("Cookie", value) }); len(set) != 0 {
		t.Errorf("a client with a cookie got %q", set)
	}
	if set = cookies(func(r *http.Request) { r.Header.Set("X-Version", "canary") }); len(set) != 0 {
		t.Errorf("a tester got %q", set)
	}
	if set = cookies(func(r *http.Request) { r.Header.Set("Cookie", "variant=x") }); len(set) != 1 {
		t.Errorf("a client with a foreign cookie got %q", set)
	}
}
