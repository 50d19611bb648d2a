package lbpolicy

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// splitPool is a pool of endpoints with versions, and a split that picks from it.
type splitPool struct {
	*host
	roster *endpoint.Roster
	picker endpoint.Picker
}

// newSplitPool makes one with settings of a split in JSON. versions has a letter for each endpoint:
// a is of version a.
func newSplitPool(t *testing.T, settings, versions string) *splitPool {
	t.Helper()
	return newSplitOf(t, checkedPool(t), settings, versions)
}

func newSplitOf(t *testing.T, roster *endpoint.Roster, settings, versions string) *splitPool {
	t.Helper()
	module, err := loadHandler(t, `{"load_balancing":{"selection_policy":{"policy":"split",`+settings+`}}}`)
	if err != nil {
		t.Fatal(err)
	}
	h := &host{module, module.LoadBalancing.SelectionPolicy.(policy)}
	t.Cleanup(h.clean)
	s := &splitPool{host: h, roster: roster}
	s.list(versions)
	s.picker = h.policy.NewPicker(s.roster, nil)
	t.Cleanup(s.picker.Stop)
	return s
}

// list makes the endpoints of a list v<version>-<number>.
func (s *splitPool) list(versions string) {
	infos := make([]listing.Info, len(versions))
	for i, v := range strings.Split(versions, "") {
		infos[i] = listing.Info{
			Address: fmt.Sprintf("%s-%d:80", v, i), Weight: 1, Metadata: map[string]string{"version": v},
		}
	}
	s.roster.Replace(infos)
}

// versionOf returns the version of a picked endpoint.
func versionOf(address string) string { return address[:1] }

// send picks for requests that are over at once, and returns how many each version got.
func (s *splitPool) send(t *testing.T, n int, change func(*http.Request)) map[string]int {
	t.Helper()
	counts := make(map[string]int)
	for range n {
		r, end := request(t, "/")
		if change != nil {
			change(r)
		}
		e, _ := s.picker.Pick(r)
		if e == nil {
			counts[""]++
		} else {
			counts[versionOf(e.Address())]++
		}
		end()
		waitFor(t, func() bool { return e == nil || e.InFlight() == 0 })
	}
	return counts
}

// fail makes the checks of all endpoints of a version fail, or pass again.
func (s *splitPool) fail(version string, fails bool) {
	for _, m := range s.roster.Snapshot().Members {
		if versionOf(m.Address()) != version {
			continue
		}
		if fails {
			m.Replace(0, endpoint.ProbeFailed)
		} else {
			m.Replace(endpoint.ProbeFailed, 0)
		}
	}
}

const stableAndCanary = `"groups":[{"name":"stable","match":{"version":"a"}},{"name":"canary","match":{"version":"b"},"share":10}]`

func TestGroupsGetTheirSharesWhateverTheNumberOfTheirEndpoints(t *testing.T) {
	for _, versions := range []string{"ab", "aaaab", "abbbb"} {
		s := newSplitPool(t, stableAndCanary, versions)
		if got := s.send(t, 1000, nil); got["b"] < 98 || got["b"] > 102 || got["a"] != 1000-got["b"] {
			t.Errorf("%s: got %v, want 900 and 100", versions, got)
		}
	}
}

func TestAnEndpointOfNoGroupGetsNothing(t *testing.T) {
	s := newSplitPool(t, stableAndCanary, "abc")
	if got := s.send(t, 200, nil); got["c"] > 0 {
		t.Errorf("got %v", got)
	}
}

func TestAGroupWithoutConditionsHasTheRest(t *testing.T) {
	s := newSplitPool(t, `"groups":[{"name":"stable"},{"name":"canary","match":{"version":"b"},"share":50}]`, "abc")
	if got := s.send(t, 200, nil); got["a"] == 0 || got["c"] == 0 || got["b"] < 98 || got["b"] > 102 {
		t.Errorf("got %v", got)
	}
}

func TestAGroupWithNothingUsableSpillsIntoTheDefaultGroup(t *testing.T) {
	s := newSplitPool(t, `"groups":[
		{"name":"canary","match":{"version":"b"},"share":30},
		{"name":"stable","match":{"version":"a"}},
		{"name":"dark","match":{"version":"c"},"share":0}]`, "aabbc")
	s.fail("b", true)
	if got := s.send(t, 100, nil); got["a"] != 100 {
		t.Errorf("with the canary down, got %v", got)
	}
	s.fail("b", false)
	s.fail("a", true)
	if got := s.send(t, 100, nil); got["b"] != 100 {
		t.Errorf("with the default group down, got %v; want all at the group with a share", got)
	}
	s.fail("b", true)
	if got := s.send(t, 100, nil); got["c"] != 0 {
		t.Errorf("with all groups down that have a share, got %v; want nothing at the one without", got)
	}
	s.list("bb")
	s.fail("b", false)
	if got := s.send(t, 100, nil); got["b"] != 100 {
		t.Errorf("with the default group gone, got %v", got)
	}
}

func TestATesterChoosesTheGroup(t *testing.T) {
	s := newSplitPool(t, stableAndCanary+`,"force":{"header":"x-version","cookie":"version"}`, "ab")
	for want, change := range map[string]func(*http.Request){
		"b": func(r *http.Request) { r.Header.Set("X-Version", "canary") },
		"a": func(r *http.Request) { r.AddCookie(&http.Cookie{Name: "version", Value: "stable"}) },
	} {
		if got := s.send(t, 50, change); got[want] != 50 {
			t.Errorf("want all at %s, got %v", want, got)
		}
	}
	unknown := func(r *http.Request) { r.Header.Set("X-Version", "nowhere") }
	if got := s.send(t, 1000, unknown); got["b"] < 98 || got["b"] > 102 {
		t.Errorf("with the name of no group, got %v", got)
	}
}

func TestARetryStaysInItsGroupWhileThatHasAnUntriedEndpoint(t *testing.T) {
	s := newSplitPool(t, stableAndCanary+`,"force":{"header":"X-Version"}`, "aabb")
	r, end := request(t, "/")
	defer end()
	r.Header.Set("X-Version", "canary")
	var got string
	for range 4 {
		e, _ := s.picker.Pick(r)
		got += versionOf(e.Address())
	}
	if got != "bbaa" {
		t.Errorf("four tries went to %s, want bbaa", got)
	}
	if e, _ := s.picker.Pick(r); e == nil || versionOf(e.Address()) != "b" {
		t.Errorf("with all endpoints tried, the fifth try went to %v", e)
	}
}

// A retry takes no turn, or the shares would not be exact.
func TestRetriesTakeNoTurn(t *testing.T) {
	s := newSplitPool(t, stableAndCanary, "aaabbb")
	first := map[string]int{}
	for range 1000 {
		r, end := request(t, "/")
		e, _ := s.picker.Pick(r)
		first[versionOf(e.Address())]++
		s.picker.Pick(r)
		end()
	}
	if first["b"] < 98 || first["b"] > 102 {
		t.Errorf("got %v", first)
	}
}

func TestEachGroupHasAPolicyOfItsOwn(t *testing.T) {
	s := newSplitPool(t, `"groups":[
		{"name":"stable","match":{"version":"a"},"guest":{"policy":"bounded_load_hash","key":"{http.request.header.X-User}"}},
		{"name":"canary","match":{"version":"b"},"share":50,"guest":{"policy":"smooth_weighted_round_robin"}}]`, "aaaabbbb")
	at := map[string]int{}
	for range 400 {
		r, end := request(t, "/")
		r.Header.Set("X-User", "one")
		e, _ := s.picker.Pick(r)
		at[e.Address()]++
		end()
		waitFor(t, func() bool { return e.InFlight() == 0 })
	}
	if len(at) != 5 { // one of the stable ones, and all four canaries
		t.Errorf("got %v", at)
	}
	for address, n := range at {
		if versionOf(address) == "b" && (n < 48 || n > 52) {
			t.Errorf("%s got %d of the 200 requests of four canaries in turn", address, n)
		}
	}
}

// The bound of a hash is that of its group: the other one may be busy.
func TestTheBoundOfAHashCountsItsGroupOnly(t *testing.T) {
	s := newSplitPool(t, `"force":{"header":"X-Version"},"groups":[
		{"name":"stable","match":{"version":"a"}},
		{"name":"canary","match":{"version":"b"},"share":0,
			"guest":{"policy":"bounded_load_hash","key":"{http.request.uri.path}"}}]`, "abb")
	for range 100 { // all at the stable one
		r, end := request(t, "/")
		defer end()
		s.picker.Pick(r)
	}
	at := map[string]int{}
	for range 8 {
		r, end := request(t, "/hot")
		defer end()
		r.Header.Set("X-Version", "canary")
		e, _ := s.picker.Pick(r)
		at[e.Address()]++
	}
	for address, n := range at {
		if n > 5 { // 1.25 times a half of 8
			t.Errorf("%s has %d of 8 requests", address, n)
		}
	}
}

func TestCaddysPoliciesPickWithinAGroupOfTheList(t *testing.T) {
	s := newSplitPool(t, `"force":{"header":"X-Version"},"groups":[
		{"name":"stable","match":{"version":"a"},"guest":{"policy":"round_robin"}},
		{"name":"canary","match":{"version":"b"},"share":10,"guest":{"policy":"round_robin"}}]`, "aabb")
	selectorOf(s.policy).transport.Observe(s.roster)
	list := reverseproxy.UpstreamPool{}
	for _, m := range s.roster.Snapshot().Members {
		list = append(list, &reverseproxy.Upstream{Dial: m.Address(), Host: new(reverseproxy.Host)})
	}
	got := map[string]int{}
	for range 1000 {
		r, end := request(t, "/")
		if _, listed := s.picker.Pick(r); !listed {
			t.Fatal("the policy did not ask for the list")
		}
		got[versionOf(s.policy.Select(list, r, nil).Dial)]++
		end()
	}
	if got["b"] < 98 || got["b"] > 102 {
		t.Errorf("got %v", got)
	}
}

func TestAnExplanationSaysWhichGroupARequestHas(t *testing.T) {
	s := newSplitPool(t, stableAndCanary+`,"force":{"header":"X-Version"}`, "aabc")
	r, end := request(t, "/")
	defer end()
	e := s.picker.(endpoint.Explainer).Explain(r)
	if e.Policy != "split" || e.Group != "stable" || versionOf(e.Picked) != "a" || len(e.Endpoints) != 4 {
		t.Errorf("got %+v", e)
	}
	r.Header.Set("X-Version", "canary")
	if e = s.picker.(endpoint.Explainer).Explain(r); e.Group != "canary" || versionOf(e.Picked) != "b" {
		t.Errorf("a tester: got %+v", e)
	}
	s.fail("b", true)
	e = s.picker.(endpoint.Explainer).Explain(r)
	if e.Group != "stable" || !strings.Contains(e.Reason, "group canary has no usable endpoint") {
		t.Errorf("with the canary down: got %+v", e)
	}
}

func TestWeightsByPositionHoldWithinAGroup(t *testing.T) {
	h := newHostWith(t, `{"policy":"split","groups":[
		{"name":"canary","match":{"address":"a:1"},"share":0},
		{"name":"stable","guest":{"policy":"smooth_weighted_round_robin","weights":[9,4,1]}}
	]}`, "a:1 b:2 c:3")
	got := make(map[string]int)
	for range 50 {
		r, end := request(t, "/")
		got[h.policy.Select(h.Upstreams, r, nil).Dial]++
		end()
	}
	if got["b:2"] != 40 || got["c:3"] != 10 {
		t.Errorf("got %v, want 40 at b and 10 at c", got)
	}
}
