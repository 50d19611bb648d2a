package dns

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// endpointsOf returns the endpoints with these numbers.
func endpointsOf(numbers ...int) []discovery.Endpoint {
	var list []discovery.Endpoint
	for _, n := range numbers {
		list = append(list, discovery.Endpoint{Address: fmt.Sprintf("10.0.%d.%d:80", n/256, n%256), Weight: 1})
	}
	return list
}

// drawn returns a random part of a number of endpoints.
func drawn(random *rand.Rand, part, all int) []discovery.Endpoint {
	return endpointsOf(random.Perm(all)[:part]...)
}

// feed applies answers one second after the other, and returns the sizes of the lists.
func feed(r *rotation, answers int, next func(i int) []discovery.Endpoint) (sizes []int) {
	now := time.Now()
	for i := range answers {
		a := discovery.Answer{Endpoints: next(i)}
		r.apply(&a, now.Add(time.Duration(i)*time.Second))
		sizes = append(sizes, len(a.Endpoints))
	}
	return sizes
}

func TestRandomPartsOfASetBecomeTheWholeSet(t *testing.T) {
	for _, c := range []struct{ part, all, within int }{
		{8, 20, 30}, {3, 5, 30}, {1, 3, 40}, {8, 9, 60}, {8, 40, 60}, {8, 100, 150},
	} {
		t.Run(fmt.Sprintf("%d of %d", c.part, c.all), func(t *testing.T) {
			for seed := range uint64(5) {
				random := rand.New(rand.NewPCG(seed, 1))
				r := &rotation{mode: "auto"}
				next := func(int) []discovery.Endpoint { return drawn(random, c.part, c.all) }
				feed(r, c.within, next)
				for i, size := range feed(r, 500, next) {
					if size != c.all {
						t.Fatalf("seed %d: answer %d gives %d endpoints", seed, c.within+i, size)
					}
				}
			}
		})
	}
}

func TestAnEndpointThatLeavesARotationGoesAndOneThatJoinsComesAtOnce(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	r := &rotation{mode: "auto"}
	feed(r, 50, func(int) []discovery.Endpoint { return drawn(random, 8, 20) })
	sizes := feed(r, 100, func(int) []discovery.Endpoint { return drawn(random, 8, 15) })
	if sizes[5] != 20 || sizes[99] != 15 {
		t.Errorf("got lists of %v", sizes)
	}
	a := discovery.Answer{Endpoints: endpointsOf(1, 2, 3, 4, 5, 6, 7, 77)}
	if r.apply(&a, time.Now()); len(a.Endpoints) != 16 {
		t.Errorf("got %d endpoints; want the new one too", len(a.Endpoints))
	}
}

func TestTheTimeThatUnseenEndpointsStayCanBeSet(t *testing.T) {
	r := &rotation{mode: "on", keep: 10 * time.Second}
	sizes := feed(r, 20, func(i int) []discovery.Endpoint {
		if i == 0 {
			return endpointsOf(1, 2)
		}
		return endpointsOf(2)
	})
	if sizes[9] != 2 || sizes[10] != 1 {
		t.Errorf("got lists of %v", sizes)
	}
}

func TestChangesThatAreNoRotationTakeEffectAtOnce(t *testing.T) {
	without := func(all int, missing ...int) []discovery.Endpoint {
		var numbers []int
		for n := range all {
			keep := true
			for _, m := range missing {
				keep = keep && n != m
			}
			if keep {
				numbers = append(numbers, n)
			}
		}
		return endpointsOf(numbers...)
	}
	for name, next := range map[string]func(i int) []discovery.Endpoint{
		"a rolling restart": func(i int) []discovery.Endpoint { return without(20, i%20) },
		"a rolling restart by five": func(i int) []discovery.Endpoint {
			return without(20, i/5%4*5, i/5%4*5+1, i/5%4*5+2, i/5%4*5+3, i/5%4*5+4)
		},
		"a rolling deploy":            func(i int) []discovery.Endpoint { return endpointsOf(i, i+1, i+2, i+3, i+4) },
		"one that flaps":              func(i int) []discovery.Endpoint { return without(20, make([]int, i%2)...) },
		"a new set for the whole old": func(i int) []discovery.Endpoint { return endpointsOf(i/10*2, i/10*2+1) },
	} {
		t.Run(name, func(t *testing.T) {
			r := &rotation{mode: "auto"}
			for i, size := range feed(r, 20, next) {
				if want := len(next(i)); size != want {
					t.Fatalf("answer %d of %d endpoints gives %d", i, want, size)
				}
			}
		})
	}
}

func TestARotationEndsWhenAnswersAreWholeAgain(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 1))
	r := &rotation{mode: "auto"}
	feed(r, 50, func(int) []discovery.Endpoint { return drawn(random, 8, 20) })
	feed(r, 300, func(int) []discovery.Endpoint { return endpointsOf(1, 2, 3) })
	sizes := feed(r, 2, func(i int) []discovery.Endpoint { return endpointsOf([]int{1, 2, 3}[:3-i]...) })
	if sizes[1] != 2 {
		t.Errorf("got lists of %v; want the loss at once", sizes)
	}
}

func TestAnEmptyAnswerEndsARotation(t *testing.T) {
	r := &rotation{mode: "on"}
	sizes := feed(r, 3, func(i int) []discovery.Endpoint {
		return [][]discovery.Endpoint{endpointsOf(1, 2), {}, endpointsOf(3)}[i]
	})
	if sizes[1] != 0 || sizes[2] != 1 {
		t.Errorf("got lists of %v", sizes)
	}
}

func TestWhatIsDroppedFromARotationIsTheSameEachTime(t *testing.T) {
	r := &rotation{mode: "on"}
	for i := range 20 {
		a := discovery.Answer{Endpoints: endpointsOf(1), Dropped: []discovery.Dropped{{Key: strconv.Itoa(i % 2), Err: errors.New("bad")}}}
		if r.apply(&a, time.Now()); i > 0 && len(a.Dropped) != 2 {
			t.Errorf("answer %d: dropped %v", i, a.Dropped)
		}
	}
}

func TestWhatIsRememberedOfARotationIsBounded(t *testing.T) {
	for _, mode := range []string{"auto", "on"} {
		r := &rotation{mode: mode}
		for _, size := range feed(r, 12, func(i int) []discovery.Endpoint {
			var numbers []int
			for n := range 2000 {
				numbers = append(numbers, i*2000+n)
			}
			return endpointsOf(numbers...)
		}) {
			if size > maxSightings || len(r.seen) > maxSightings {
				t.Fatalf("%s: %d endpoints, %d remembered", mode, size, len(r.seen))
			}
		}
	}
}

func TestASourceFollowsANameThatRotates(t *testing.T) {
	for mode, whole := range map[string]bool{"": true, "auto": true, "on": true, "off": false} {
		t.Run(mode, func(t *testing.T) {
			z := serve(t)
			s := z.source("a", "web.test")
			s.IP, s.Rotating = "ipv4", mode
			random := rand.New(rand.NewPCG(1, 1))
			var newest discovery.Answer
			for range 60 {
				var records []string
				for _, n := range random.Perm(20)[:8] {
					records = append(records, fmt.Sprintf("web.test. 0 A 10.0.0.%d", n+1))
				}
				z.set(records...)
				var err error
				if newest, _, err = look(t, s); err != nil {
					t.Fatal(err)
				}
			}
			if want := map[bool]int{true: 20, false: 8}[whole]; len(newest.Endpoints) != want {
				t.Errorf("got %s; want %d", sourcetest.Addresses(newest.Endpoints), want)
			}
		})
	}
}

func TestARotationThatMakesNoSenseIsAnError(t *testing.T) {
	for want, s := range map[string]Source{
		`rotating: "always" is not auto, on or off`:           {Type: "srv", Name: "web.test", Rotating: "always"},
		"keep_unseen: -1s is less than ":                      {Type: "srv", Name: "web.test", KeepUnseen: -1e9},
		"keep_unseen: 1m0s is given, but rotating is off":     {Type: "srv", Name: "web.test", KeepUnseen: 60e9, Rotating: "off"},
		"keep_unseen: 500ms is less than min_refresh, 1s, so": {Type: "srv", Name: "web.test", KeepUnseen: 5e8},
	} {
		if err := s.Provision(caddy.Context{}); err == nil || err.Error()[:min(len(err.Error()), len(want))] != want {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}
