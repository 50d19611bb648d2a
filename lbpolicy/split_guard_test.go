package lbpolicy

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// comparison is the answers of a stable group, 0, and a canary, 1.
type comparison struct {
	*groupGuard
	table  load.Routes
	random *rand.Rand
}

func newComparison(t *testing.T, seed uint64, settings SplitGuard) *comparison {
	t.Helper()
	if err := settings.check(); err != nil {
		t.Fatal(err)
	}
	return &comparison{groupGuard: newGroupGuard(settings), random: rand.New(rand.NewPCG(seed, 7))}
}

// answer adds an answer of a group on a route.
func (c *comparison) answer(group int, route string, failed bool, latency time.Duration) {
	key := load.TextKey(route)
	r := endpoint.Result{Status: 200, Latency: latency, Route: c.table.Find(&key, 1)}
	if failed {
		r.Status = 500
	}
	c.add(group, &r)
}

// send adds answers of both groups, of which the canary gets a part. The error ratios and the means
// of exponential times are by group.
func (c *comparison) send(n int, part float64, route string, errors [2]float64, mean [2]time.Duration) {
	for range n {
		g := 0
		if c.random.Float64() < part {
			g = 1
		}
		latency := time.Duration(c.random.ExpFloat64() * float64(mean[g]))
		c.answer(g, route, c.random.Float64() < errors[g], latency)
	}
}

func (c *comparison) verdict() string { return c.look(1, 0, "stable") }

var equally = [2]time.Duration{10 * time.Millisecond, 10 * time.Millisecond}

func TestABinomialTailIsExact(t *testing.T) {
	for n := 1.; n <= 40; n++ {
		for _, p := range []float64{.01, .1, .5, .9} {
			sum := 0.
			for k := n; k >= 0; k-- {
				coefficient := math.Exp(logGamma(n+1) - logGamma(k+1) - logGamma(n-k+1))
				sum += coefficient * math.Pow(p, k) * math.Pow(1-p, n-k)
				if got := binomialTail(k, n, p); k > n*p && math.Abs(got-sum) > 1e-9 {
					t.Fatalf("%v or more of %v at %v: %v, want %v", k, n, p, got, sum)
				}
			}
		}
	}
	if got := binomialTail(5000, 1e6, .001); got > 1e-100 {
		t.Errorf("far from the mean: %v", got)
	}
}

func TestAGroupWithMoreErrorsIsStopped(t *testing.T) {
	for name, c := range map[string]struct {
		errors [2]float64
		within int // requests of the canary
	}{
		"all answers are errors":       {[2]float64{0, 1}, 150},
		"one in five, where none were": {[2]float64{0, .2}, 300},
		"2 %, where 0.1 % were":        {[2]float64{.001, .02}, 3000},
		"12 %, where 3 % were":         {[2]float64{.03, .12}, 3000},
	} {
		for seed := range uint64(20) {
			compared := newComparison(t, seed, SplitGuard{})
			why := ""
			for sent := 0; why == "" && sent < 10*c.within; sent += 50 {
				compared.send(50, .1, "/", c.errors, equally)
				why = compared.verdict()
			}
			if !strings.Contains(why, "% of its") || !strings.Contains(why, "are errors") {
				t.Errorf("%s: after %d requests of the canary it is %q", name, c.within, why)
			}
		}
	}
}

// Looks are many, so chance has many chances. Each of the 200 runs has 20,000 requests.
func TestAGroupThatIsNotWorseIsNotStopped(t *testing.T) {
	if testing.Short() {
		t.Skip("it sends millions of requests")
	}
	for name, c := range map[string]struct {
		errors [2]float64
		mean   [2]time.Duration
		most   int
	}{
		"equal, rare errors":  {[2]float64{.002, .002}, equally, 0},
		"equal, many errors":  {[2]float64{.2, .2}, equally, 0},
		"no errors":           {[2]float64{0, 0}, equally, 0},
		"a third slower":      {[2]float64{0, 0}, [2]time.Duration{15 * time.Millisecond, 20 * time.Millisecond}, 0},
		"half more errors":    {[2]float64{.02, .03}, equally, 1},
		"as bad as it may be": {[2]float64{.02, .04}, equally, 6},
	} {
		stopped := 0
		for seed := range uint64(200) {
			compared := newComparison(t, seed, SplitGuard{})
			for range 100 {
				compared.send(200, .1, "/", c.errors, c.mean)
				if compared.verdict() != "" {
					stopped++
					break
				}
			}
		}
		t.Logf("%s: stopped in %d of 200 runs", name, stopped)
		if stopped > c.most {
			t.Errorf("%s: stopped in %d of 200 runs, want at most %d", name, stopped, c.most)
		}
	}
}

// The canary has ten times the errors and the time of the stable group, because it gets other
// requests.
func TestAGroupIsNotWorseForOtherRequests(t *testing.T) {
	c := newComparison(t, 1, SplitGuard{})
	slow := [2]time.Duration{400 * time.Millisecond, 400 * time.Millisecond}
	for range 200 {
		c.send(100, .01, "/quick", [2]float64{.001, .001}, equally)
		c.send(50, .7, "/report", [2]float64{.3, .3}, slow)
		if why := c.verdict(); why != "" {
			t.Fatalf("it is stopped: %s", why)
		}
	}
	c.forget(time.Now())
	c.send(2000, .5, "/quick", [2]float64{.001, .001}, equally)
	c.send(500, .5, "/report", [2]float64{.3, .95}, slow)
	if why := c.verdict(); !strings.Contains(why, "most at /report") {
		t.Errorf("when it gets worse on one route, it is %q", why)
	}
}

func TestNothingIsSaidOfRoutesThatOneGroupHasAlone(t *testing.T) {
	c := newComparison(t, 1, SplitGuard{})
	c.send(2000, .5, "/", [2]float64{0, 0}, equally)
	for range 500 {
		c.answer(1, "/new", true, time.Second)
	}
	if why := c.verdict(); why != "" {
		t.Errorf("it is stopped: %s", why)
	}
}

func TestAGroupThatIsSlowerIsStopped(t *testing.T) {
	for seed := range uint64(20) {
		c := newComparison(t, seed, SplitGuard{})
		c.send(10_000, .1, "/", [2]float64{0, 0}, [2]time.Duration{20 * time.Millisecond, 60 * time.Millisecond})
		if why := c.verdict(); !strings.Contains(why, "more than 2 times the p99 of group stable") {
			t.Errorf("three times as slow: %q", why)
		}
	}
	c := newComparison(t, 1, SplitGuard{})
	c.send(5000, .1, "/", [2]float64{0, 0}, [2]time.Duration{200 * time.Microsecond, 600 * time.Microsecond})
	if why := c.verdict(); why != "" {
		t.Errorf("less than 5 ms slower: %q", why)
	}
}

func TestNothingIsSaidOnTooLittleData(t *testing.T) {
	c := newComparison(t, 1, SplitGuard{MinRequests: 50})
	for range 49 {
		c.answer(1, "/", true, 0)
	}
	for range 1000 {
		c.answer(0, "/", false, time.Millisecond)
	}
	if why := c.verdict(); why != "" || c.enough[1].Load() {
		t.Errorf("with 49 answers of the canary: %q", why)
	}
	c.answer(1, "/", true, 0)
	if why := c.verdict(); why == "" {
		t.Error("with 50 errors it is not stopped")
	}
	c = newComparison(t, 1, SplitGuard{})
	for range 1000 {
		c.answer(1, "/", true, 0)
	}
	for range 99 {
		c.answer(0, "/", false, time.Millisecond)
	}
	if why := c.verdict(); why != "" {
		t.Errorf("with 99 answers of the stable group: %q", why)
	}
}

func TestAComparisonThatIsOffIsNotMade(t *testing.T) {
	c := newComparison(t, 1, SplitGuard{Errors: off})
	c.send(5000, .2, "/", [2]float64{0, 1}, equally)
	if why := c.verdict(); why != "" {
		t.Errorf("errors are off: %q", why)
	}
	c = newComparison(t, 1, SplitGuard{P99: off})
	c.send(5000, .2, "/", [2]float64{0, 0}, [2]time.Duration{10 * time.Millisecond, time.Second})
	if why := c.verdict(); why != "" {
		t.Errorf("p99 is off: %q", why)
	}
}

func TestOldAnswersAreForgotten(t *testing.T) {
	c, now := newComparison(t, 1, SplitGuard{}), time.Now()
	c.turn(now)
	c.send(2000, .2, "/", [2]float64{0, 1}, equally)
	c.turn(now.Add(11 * time.Minute))
	if c.verdict() == "" {
		t.Error("those of the window before are forgotten")
	}
	c.turn(now.Add(22 * time.Minute))
	c.send(2000, .2, "/", [2]float64{0, 0}, equally)
	if why := c.verdict(); why != "" {
		t.Errorf("those before that are not: %s", why)
	}
}

func TestATallyIsBounded(t *testing.T) {
	tally := new(splitTally)
	for range 2 * maxTallied {
		tally.add(0, &endpoint.Result{Status: 200, Route: new(load.Route)})
	}
	n := 0
	tally.routes.Range(func(any, any) bool { n++; return true })
	if n > maxTallied {
		t.Errorf("it has %d routes", n)
	}
}
