package lbpolicy

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// limited lists n endpoints with the same limit.
func limited(t testing.TB, n, limit int) []listing.Info {
	infos := weighted(t, slices.Repeat([]int{1}, n)...)
	for i := range infos {
		infos[i].MaxRequests = limit
	}
	return infos
}

func TestUpstreamsAreFilledInTheOrderOfTheConfig(t *testing.T) {
	h := newHost(t, "weighted_first", "z:1/2 y:1/3 a:1/1")
	var got []string
	for range 7 {
		r, end := request(t, "/")
		defer end()
		got = append(got, strings.TrimSuffix(h.selectFor(r), ":1"))
	}
	if want := "z z y y y a "; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestAFreePlaceInFrontIsTakenFirst(t *testing.T) {
	o := newOpenRequests(t, new(WeightedFirst), limited(t, 10, 2))
	o.openMany(9) // half of the fifth one
	for _, i := range []int{3, 0, 2} {
		o.close(i)
	}
	for _, want := range []int{0, 2, 3, 4, 5} {
		if got := o.open(); got != want {
			t.Errorf("endpoint %d got a request, want %d", got, want)
		}
	}
}

func TestWithoutLimitsTheOthersAreStandIns(t *testing.T) {
	roster := checkedPool(t)
	roster.Replace(weighted(t, 1, 1, 1))
	p := newHost(t, "weighted_first", "").policy.NewPicker(roster, nil)
	defer p.Stop()
	members := roster.Snapshot().Members
	for _, step := range []struct{ up, want int }{{-1, 0}, {1, 1}, {2, 2}, {0, 0}} {
		for i, m := range members {
			m.Set(endpoint.ProbeFailed, step.up >= 0 && i < step.up)
		}
		waitFor(t, func() bool { return pickFor(t, p, "/") == members[step.want].Address() }) // shares are computed again
		for range 20 {
			if got := pickFor(t, p, "/"); got != members[step.want].Address() {
				t.Fatalf("the first that is up is %d, and %s got a request", step.want, got)
			}
		}
	}
}

func TestTheOrderIsByWeightThenByID(t *testing.T) {
	for name, c := range map[string]struct {
		infos []listing.Info
		want  string
	}{
		"the heaviest first":      {[]listing.Info{{Address: "a", Weight: 1}, {Address: "b", Weight: 3}, {Address: "c", Weight: 2}}, "b c a"},
		"equal weights as listed": {[]listing.Info{{Address: "b", Weight: 1}, {Address: "a", Weight: 1}, {Address: "c", Weight: 1}}, "b a c"},
		"ids by their number": {[]listing.Info{
			{Address: "a", Weight: 1, ID: "web-10"}, {Address: "b", Weight: 1, ID: "web-9"}, {Address: "c", Weight: 1, ID: "web-0"},
		}, "c b a"},
		"weights before ids":  {[]listing.Info{{Address: "a", Weight: 1, ID: "web-0"}, {Address: "b", Weight: 2, ID: "web-1"}}, "b a"},
		"none without weight": {[]listing.Info{{Address: "a"}, {Address: "b", Weight: 1}}, "b"},
	} {
		t.Run(name, func(t *testing.T) {
			members := staticRoster(t, c.infos).Snapshot().Members
			var got []string
			for _, i := range fillOrder(members) {
				got = append(got, members[i].Address())
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("the order is %v, want %s", got, c.want)
			}
		})
	}
}

func TestASlowStartChangesTheOrderNotAtAll(t *testing.T) {
	members := staticRoster(t, weighted(t, 3, 2, 1)).Snapshot().Members
	members = slices.Clone(members)
	members[0].Weight, members[0].Ramp = 30, .1
	members[1].Weight, members[2].Weight = 200, 100
	if got := fillOrder(members); !slices.Equal(got, []int32{0, 1, 2}) {
		t.Errorf("the order is %v", got)
	}
}

// With a limit, the slow start lowers the limit. Without one, it lowers the share of the requests.
func TestASlowStartWithoutALimitPassesMostRequestsOn(t *testing.T) {
	const requests = 10_000
	o := newOpenRequests(t, new(WeightedFirst), weighted(t, 1, 1))
	o.members = slices.Clone(o.members)
	o.members[0].Ramp = .1
	got := o.openMany(requests)
	if got[0] < requests/10*8/10 || got[0] > requests/10*12/10 {
		t.Errorf("the newcomer got %d of %d requests, want a tenth", got[0], requests)
	}
	o.members[1].Weight = 0
	if got := o.openMany(100); got[0] != 100 {
		t.Errorf("the newcomer got %d of 100 requests that no other can take", got[0])
	}
}

func TestNumberedTextsAreInOrder(t *testing.T) {
	want := strings.Fields("7 8z 08 10 a a0 a00 a1 a1b a2 a2-3 a2-21 a10 b18446744073709551616 b28446744073709551616")
	got := slices.Clone(want)
	rand.New(rand.NewPCG(1, 1)).Shuffle(len(got), func(i, j int) { got[i], got[j] = got[j], got[i] })
	slices.SortFunc(got, compareNumbered)
	if !slices.Equal(got, want) {
		t.Errorf("the order is %v\n want %v", got, want)
	}
}

func FuzzCompareNumbered(f *testing.F) {
	f.Add("web-2", "web-10", "web-02")
	f.Add("", "1", "a")
	f.Add("a1b", "a01b", "a1")
	f.Fuzz(func(t *testing.T, a, b, c string) {
		if compareNumbered(a, b) != -compareNumbered(b, a) || compareNumbered(a, b) == 0 != (a == b) {
			t.Errorf("%q and %q are in no order", a, b)
		}
		if compareNumbered(a, b) < 0 && compareNumbered(b, c) < 0 && compareNumbered(a, c) >= 0 {
			t.Error(fmt.Sprintf("%q, %q, %q", a, b, c), "are in no order")
		}
	})
}

// The weight that a member gets may stay while that of its source changes, as when an agent sets
// it.
func TestAnotherWeightOfTheSourceMakesAnotherOrder(t *testing.T) {
	before := staticRoster(t, weighted(t, 1, 1)).Snapshot().Members
	after := slices.Clone(before)
	info := *after[1].Info
	info.Weight, after[1].Info = 2, &info
	if sameNodes(before, after) {
		t.Error("the order stays")
	}
}
