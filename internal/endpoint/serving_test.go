package endpoint

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

const everything = ProbeFailed | Unchecked | Ejected | HalfOpen | DrainRequested | Maintenance

var optionConditions = map[byte]Condition{
	'f': ProbeFailed, 'u': Unchecked, 'e': Ejected, 't': HalfOpen, 's': Maintenance,
}

// members builds members from a text of fields name/option/..., where the options are f (probe
// failed), u (unchecked), e (ejected), t (half-open, on trial), d (draining), s (maintenance,
// stopped), w<weight>, p<priority> and z<zone>.
func members(text string) []Member {
	pool := newPool()
	var all []Member
	for field := range strings.FieldsSeq(text) {
		parts := strings.Split(field, "/")
		info := &listing.Info{Address: parts[0] + ":1", Weight: 1}
		e := &Endpoint{address: info.Address, pool: pool}
		for _, option := range parts[1:] {
			switch option[0] {
			case 'w':
				fmt.Sscan(option[1:], &info.Weight)
			case 'p':
				fmt.Sscan(option[1:], &info.Priority)
			case 'z':
				info.Zone = option[1:]
			case 'd':
				info.Draining = true
			default:
				e.Set(optionConditions[option[0]], true)
			}
		}
		all = append(all, Member{Endpoint: e, Info: info})
	}
	return all
}

// serving returns the names of the members with a weight.
func serving(s *Snapshot) string {
	var names []string
	for i := range s.Members {
		if s.Members[i].Weight > 0 {
			names = append(names, strings.TrimSuffix(s.Members[i].Address(), ":1"))
		}
	}
	return strings.Join(names, " ")
}

func TestWhichEndpointsServe(t *testing.T) {
	for _, c := range []struct {
		about    string
		members  string
		failOpen float64
		mode     Mode
		serving  string
	}{
		{"all are healthy", "a b c", 0, Healthy, "a b c"},
		{"the pool is empty", "", 0, None, ""},
		{"unhealthy endpoints get nothing", "a b/f c/u d/e", 0, Healthy, "a"},
		{"a half-open endpoint is usable", "a/f b/t", 0, Healthy, "b"},
		{"draining endpoints get nothing while others can serve", "a b/d c/w0", 0, Healthy, "a"},
		{"if all drain, they serve", "a/d b/w0", 0, Draining, "a b"},
		{"if all drain, only the healthy ones serve", "a/d b/d/f", 0, Draining, "a"},
		{"a draining endpoint is preferred to one that fails", "a/f b/d", 0, Draining, "b"},
		{"if no endpoint is usable, health is ignored", "a/f b/e", 0, Open, "a b"},
		{"failing open leaves out a draining endpoint that fails", "a/f b/d/f", 0, Open, "a"},
		{"all drain and fail", "a/d/f b/d/e", 0, None, ""},
		{"with fail_open off, none serves", "a/f b/e", -1, None, ""},
		{"with fail_open off, draining endpoints that work serve", "a/f b/d", -1, Draining, "b"},
		{"more than fail_open are usable", "a b c/f", .5, Healthy, "a b"},
		{"exactly fail_open are usable", "a b/f", .5, Healthy, "a"},
		{"fewer than fail_open are usable", "a b/f c/f", .5, Open, "a b c"},
		{"draining endpoints do not count", "a b/d c/d d/d", .5, Healthy, "a"},
		{"unchecked endpoints do not count", "a b/u c/u d/u", .5, Healthy, "a"},
		{"failing open leaves out draining endpoints", "a b/f c/f d/d", .5, Open, "a b c"},
		{"a backup tier that can serve prevents opening", "a/f b/f c/p1 d/p1", .5, Healthy, "c d"},
		{"an endpoint in maintenance never serves", "a/s b/f", 0, Open, "b"},
		{"all are in maintenance", "a/s", 0, None, ""},
		{"all are unchecked", "a/u b/u", 0, None, ""},
	} {
		s := Rules{FailOpen: c.failOpen, Watched: everything}.snapshot(members(c.members), 0)
		if s.Mode != c.mode || serving(s) != c.serving {
			t.Errorf("%s: %q: got %s, %q; want %s, %q", c.about, c.members, s.Mode, serving(s), c.mode, c.serving)
		}
	}
}

func TestConditionsWithoutAWriterDoNotCount(t *testing.T) {
	s := Rules{Watched: Ejected | HalfOpen}.snapshot(members("a/f b/e"), 0)
	if serving(s) != "a" || s.Blocking != Ejected {
		t.Errorf("%q serve, and %b block", serving(s), s.Blocking)
	}
}

// split returns the share of each band, with the names of its members.
func split(s *Snapshot) string {
	var parts []string
	for _, b := range s.Bands {
		var names []string
		for i := range b.Members {
			if b.Members[i].Weight > 0 {
				names = append(names, strings.TrimSuffix(b.Members[i].Address(), ":1"))
			}
		}
		parts = append(parts, fmt.Sprintf("%s %.0f%%", strings.Join(names, "+"), b.Share*100))
	}
	return strings.Join(parts, ", ")
}

func TestTheNextPriorityTakesOverInProportion(t *testing.T) {
	for text, want := range map[string]string{
		"a b c d/p1":                           "a+b+c 100%, d 0%",
		"a b c d/f e/p1":                       "a+b+c 100%, e 0%", // 75 % usable is above 1/1.4
		"a b c/f d/f e/p1":                     "a+b 70%, e 30%",
		"a b/f c/f d/f e/p1":                   "a 35%, e 65%",
		"a/f b/f c/p1":                         "c 100%",
		"a/w3 b/f c/p1":                        "a 100%, c 0%", // three quarters of the weight
		"a/w0 b/p1":                            "b 100%",
		"a b/f c/p1 d/p1/f e/p1/f f/p1/f g/p2": "a 70%, c 30%, g 0%",
		"a b/f c/f d/f e/p3 f/p3/f g/p3/f h/p3/f i/p3/f j/p3/f": "a 60%, e 40%", // neither carries its load: each gets more
		"b/p2 a/p1": "a 100%, b 0%",
		"a/t b/p1":  "a 100%, b 0%",
	} {
		if got := split(Rules{Watched: everything}.snapshot(members(text), 0)); got != want {
			t.Errorf("%q: got %s; want %s", text, got, want)
		}
	}
}

func TestTheOwnZoneIsPreferredUpToItsFairPart(t *testing.T) {
	for text, want := range map[string]string{
		"a/zx b/zy c/zz":                       "a 100%, b 0%, c 0%",
		"a/zx b/zx c/zy":                       "a+b 100%, c 0%",
		"a/zx b/zy c/zy":                       "a 67%, b+c 33%", // a third of the weight, where a half is fair
		"a/zx/f b/zx c/zy d/zy":                "b 67%, c+d 33%",
		"a/zx/f b/zy c/zz":                     "b+c 100%",
		"a/zx b/zy c/zy d/zz d2/zz e/zz e2/zz": "a 43%, b+c 0%, d+d2+e+e2 57%",
		"a b/zx c":                             "b 67%, a+c 33%",
		"a b":                                  "a+b 100%",
		"a/zx b/zy c/zy/p1":                    "a 100%, b 0%, c 0%",
		"a/zx/f b/zy/f c/zx/p1":                "c 100%",
	} {
		if got := split(Rules{Watched: everything, Zone: "x"}.snapshot(members(text), 0)); got != want {
			t.Errorf("%q: got %s; want %s", text, got, want)
		}
	}
}

func TestSharesAlwaysAddUpToOne(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		var text strings.Builder
		for i := range 1 + random.IntN(12) {
			condition := []string{"", "", "/f", "/d", "/e", "/u", "/t", "/s"}[random.IntN(8)]
			fmt.Fprintf(&text, "%c/w%d/p%d/z%c%s ", 'a'+i, random.IntN(4), random.IntN(3), 'x'+random.IntN(3), condition)
		}
		rules := Rules{Watched: everything}
		rules.Zone = []string{"", "x"}[random.IntN(2)]
		rules.FailOpen = []float64{-1, 0, .5}[random.IntN(3)]
		s := rules.snapshot(members(text.String()), 0)
		sum, serves := 0.0, false
		for _, b := range s.Bands {
			sum += b.Share
			for i := range b.Members {
				serves = serves || b.Members[i].Weight > 0
				if m := &b.Members[i]; m.Weight > 0 && m.Is(s.Blocking) {
					t.Fatalf("%s%+v: %s has a share and is blocked", text.String(), rules, m.Address())
				}
			}
		}
		if math.Abs(sum-1) > 1e-9 || serves != (s.Mode != None) {
			t.Fatalf("%s%+v: %s, %s: shares are %v", text.String(), rules, s.Mode, split(s), sum)
		}
	}
}

func TestARampIsLinearFromATenth(t *testing.T) {
	for elapsed, want := range map[time.Duration]float64{
		-time.Second: .1, 0: .1, time.Second: .1, 3 * time.Second: .1,
		15 * time.Second: .5, 29 * time.Second: 29. / 30, 30 * time.Second: 1, time.Hour: 1,
	} {
		if got := ramp(elapsed, 30*time.Second); math.Abs(got-want) > 1e-12 {
			t.Errorf("after %s the ramp is %v; want %v", elapsed, got, want)
		}
	}
	if ramp(0, 0) != 1 {
		t.Error("without a window there is no ramp")
	}
}

func TestARampScalesWeightAndLimit(t *testing.T) {
	all := members("a/w2 b/w2")
	all[0].Info.MaxRequests, all[1].Info.MaxRequests = 50, 50
	all[0].servingSince.Store(int64(time.Second))
	s := Rules{SlowStart: 10 * time.Second}.snapshot(all, load.Instant(6*time.Second))
	a, b := s.Members[0], s.Members[1]
	if a.Weight != 100 || b.Weight != 200 || a.MaxRequests != 25 || b.MaxRequests != 50 || !s.ramping {
		t.Errorf("weights %d and %d, limits %d and %d, ramping %v",
			a.Weight, b.Weight, a.MaxRequests, b.MaxRequests, s.ramping)
	}
}

func TestAnEndpointDoesNotRampIfAllAreNew(t *testing.T) {
	all := members("a b/f")
	all[0].Info.MaxRequests = 50
	all[0].servingSince.Store(1)
	s := Rules{SlowStart: 10 * time.Second, Watched: everything}.snapshot(all, 2)
	if m := s.Members[0]; m.Ramp != 1 || m.MaxRequests != 50 {
		t.Errorf("the only one that serves has a ramp of %v and a limit of %d", m.Ramp, m.MaxRequests)
	}
}

func TestAdviceScalesTheWeightOfTheSource(t *testing.T) {
	percent := func(n int) *int { return &n }
	for _, c := range []struct {
		percent *int
		weight  uint32
		mode    Mode
	}{
		{nil, 2, Healthy}, {percent(50), 1, Healthy}, {percent(25), 50, Healthy}, {percent(1), 2, Healthy},
		{percent(200), 4, Healthy}, {percent(1 << 40), 200, Healthy}, {percent(0), 2, Draining},
	} {
		all := members("a/w2")
		all[0].Advise(Advice{Percent: c.percent})
		if s := (Rules{Watched: everything}).snapshot(all, 0); s.Members[0].Weight != c.weight || s.Mode != c.mode {
			t.Errorf("%v: weight %d, %s; want %d, %s", c.percent, s.Members[0].Weight, s.Mode, c.weight, c.mode)
		}
	}
}

func TestAdviceReplacesTheWeightOfTheSource(t *testing.T) {
	for _, c := range []struct {
		given  string
		weight int
		want   uint32
		mode   Mode
	}{
		{"a/w2", 1, 1, Healthy}, {"a/w2", 128, 128, Healthy}, {"a/w2", 1 << 40, 65535, Healthy},
		{"a/w2", 0, 2, Draining}, {"a/w2", -1, 2, Draining}, {"a/w0", 128, 128, Draining},
	} {
		all := members(c.given)
		all[0].Advise(Advice{Weight: &c.weight})
		if s := (Rules{Watched: everything}).snapshot(all, 0); s.Members[0].Weight != c.want || s.Mode != c.mode {
			t.Errorf("%+v: weight %d, %s", c, s.Members[0].Weight, s.Mode)
		}
	}
}

func TestOfTwoWeightsTheLaterOneCounts(t *testing.T) {
	e := members("a/w2")[0].Endpoint
	half, weight := 50, 7
	for i, c := range []struct {
		advice Advice
		want   float64
	}{
		{Advice{Percent: &half}, 5}, {Advice{Weight: &weight}, 7}, {Advice{}, 7}, {Advice{Percent: &half}, 5},
	} {
		if e.Advise(c.advice); e.Advice().weight(10) != c.want {
			t.Errorf("%d: weight %v, want %v", i, e.Advice().weight(10), c.want)
		}
	}
}

func TestAFractionOfTheSmallestWeightCounts(t *testing.T) {
	half := 50
	all := members("a b")
	all[0].Advise(Advice{Percent: &half})
	if s := (Rules{Watched: everything}).snapshot(all, 0); s.Members[0].Weight != 50 || s.Members[1].Weight != 100 {
		t.Errorf("weights %d and %d", s.Members[0].Weight, s.Members[1].Weight)
	}
}

func TestAdviceKeepsFieldsThatItDoesNotMention(t *testing.T) {
	e := members("a")[0].Endpoint
	half, limit, drain, ready := 50, 7, AdvisedDrain, AdvisedReady
	if !e.Advise(Advice{Percent: &half, Mode: &drain}) || e.Advise(Advice{}) || !e.Advise(Advice{MaxRequests: &limit}) {
		t.Error("Advise does not report exactly the new advice as a change")
	}
	if a := e.Advice(); *a.Percent != 50 || *a.MaxRequests != 7 || *a.Mode != AdvisedDrain || !e.Is(DrainRequested) {
		t.Errorf("advice is %+v", a)
	}
	if e.Advise(Advice{Mode: &ready}); e.Is(DrainRequested) {
		t.Error("the endpoint still drains")
	}
}

func TestUsableAppliesConditionsAdmissionAndLimits(t *testing.T) {
	s := Rules{Watched: everything}.snapshot(members("a b c/t d/w0 e f/t"), 0)
	s.Members[1].Set(ProbeFailed, true) // since the shares were computed
	s.Members[2].BeginTrial(load.Now())
	admit := func(m *Member) (bool, int) { return m.Address() != "e:1", 7 }
	var got []string
	for i := range s.Members {
		ok, limit := s.Usable(&s.Members[i], admit)
		got = append(got, fmt.Sprint(ok, limit))
	}
	if want := "true 7, false 0, false 7, false 0, false 7, true 7"; strings.Join(got, ", ") != want {
		t.Errorf("got %s; want %s", strings.Join(got, ", "), want)
	}
	if ok, limit := s.Usable(&s.Members[0], nil); !ok || limit != 0 {
		t.Errorf("without admit a member is usable: %t, with the limit %d", ok, limit)
	}
}
