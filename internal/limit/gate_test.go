package limit

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func newGate(maxInFlight, length int, timeout time.Duration) *Gate {
	g := new(Gate)
	g.Set(GateSettings{MaxInFlight: maxInFlight, QueueLength: length, QueueTimeout: timeout})
	return g
}

// enter enters with a class, like a request does.
func (g *Gate) enter(ctx context.Context, c Class, p *Place) Result {
	if g.TryEnter() {
		p.Hold(g, nil)
		return Entered
	}
	w := NewWaiter(c)
	r := g.Wait(ctx, w)
	if r == Entered {
		p.Hold(g, w)
		g.Found(w)
	}
	return r
}

// visitor is a request in a test.
type visitor struct {
	name   string
	place  Place
	result atomic.Int32 // one more than its result; 0 while it waits
}

// visit lets a request come, and returns once it is inside or waits.
func visit(g *Gate, ctx context.Context, c Class, name string) *visitor {
	v := &visitor{name: name}
	go func() {
		v.result.Store(1 + int32(g.enter(ctx, c, &v.place)))
	}()
	synctest.Wait()
	return v
}

func (v *visitor) String() string {
	return v.name + " " + [...]string{"waits", "is inside", "is shed", "timed out", "left"}[v.result.Load()]
}

func expect(t *testing.T, want string, visitors ...*visitor) {
	t.Helper()
	synctest.Wait()
	var got []string
	for _, v := range visitors {
		got = append(got, v.String())
	}
	if all := strings.Join(got, ", "); all != want {
		t.Errorf("got %s\nwant %s", all, want)
	}
}

func expectEmpty(t *testing.T, g *Gate) {
	t.Helper()
	waiting := g.Waiting(Critical) + g.Waiting(Normal) + g.Waiting(Sheddable)
	if g.InFlight() != 0 || waiting != 0 || g.waiting.Load() != 0 || g.queue.length != 0 {
		t.Errorf("%d are left inside and %d waiting", g.InFlight(), waiting)
	}
}

func TestAFreedPlaceGoesToTheHeadOfTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ctx := newGate(1, 10, time.Hour), t.Context()
		a, b, c := visit(g, ctx, Normal, "a"), visit(g, ctx, Normal, "b"), visit(g, ctx, Normal, "c")
		expect(t, "a is inside, b waits, c waits", a, b, c)
		a.place.Leave()
		if g.TryEnter() {
			t.Error("a newcomer took the place")
		}
		expect(t, "b is inside, c waits", b, c)
		b.place.Leave()
		b.place.Leave() // again, which must not count
		expect(t, "c is inside", c)
		c.place.Leave()
		expectEmpty(t, g)
	})
}

func TestHigherClassesGoFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ctx := newGate(1, 10, time.Hour), t.Context()
		a := visit(g, ctx, Normal, "a")
		low, normal := visit(g, ctx, Sheddable, "low"), visit(g, ctx, Normal, "normal")
		high := visit(g, ctx, Critical, "high")
		for _, want := range []string{
			"low waits, normal waits, high is inside", "low waits, normal is inside", "low is inside",
		} {
			all := []*visitor{low, normal, high}[:1+strings.Count(want, ",")]
			a.place.Leave()
			expect(t, want, all...)
			a = all[len(all)-1]
		}
		low.place.Leave()
		expectEmpty(t, g)
	})
}

func TestAFullQueueShedsTheLowestClassFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ctx := newGate(1, 3, time.Hour), t.Context()
		a := visit(g, ctx, Normal, "a")
		low1, low2 := visit(g, ctx, Sheddable, "low1"), visit(g, ctx, Sheddable, "low2")
		normal := visit(g, ctx, Normal, "normal")
		low3 := visit(g, ctx, Sheddable, "low3")
		expect(t, "low1 waits, low2 waits, normal waits, low3 is shed", low1, low2, normal, low3)
		high1, high2 := visit(g, ctx, Critical, "high1"), visit(g, ctx, Critical, "high2")
		expect(t, "low1 is shed, low2 is shed, normal waits, high1 waits, high2 waits", low1, low2, normal, high1, high2)
		high3, high4 := visit(g, ctx, Critical, "high3"), visit(g, ctx, Critical, "high4")
		expect(t, "normal is shed, high1 waits, high2 waits, high3 waits, high4 is shed", normal, high1, high2, high3, high4)
		if got := [...]uint64{g.Shed(Critical), g.Shed(Normal), g.Shed(Sheddable)}; got != [...]uint64{1, 1, 3} {
			t.Errorf("%v were counted as shed", got)
		}
		for _, v := range []*visitor{a, high1, high2, high3} {
			v.place.Leave()
			synctest.Wait()
		}
		expectEmpty(t, g)
	})
}

func TestTheWaitHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ctx := newGate(1, 10, 2*time.Second), t.Context()
		a, b := visit(g, ctx, Normal, "a"), visit(g, ctx, Normal, "b")
		time.Sleep(1999 * time.Millisecond)
		expect(t, "b waits", b)
		time.Sleep(time.Millisecond)
		expect(t, "b timed out", b)
		a.place.Leave()
		expectEmpty(t, g)
	})
}

func TestAClientThatGoesAwayLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ctx := newGate(1, 1, time.Hour), t.Context()
		a := visit(g, ctx, Normal, "a")
		gone, cancel := context.WithCancel(ctx)
		b := visit(g, gone, Normal, "b")
		cancel()
		expect(t, "b left", b)
		c := visit(g, ctx, Normal, "c")
		expect(t, "c waits", c)
		a.place.Leave()
		expect(t, "c is inside", c)
		c.place.Leave()
		expectEmpty(t, g)
	})
}

func TestWithoutAQueueARequestIsShedAtOnce(t *testing.T) {
	g := newGate(1, 0, 0)
	var a, b Place
	if g.enter(t.Context(), Normal, &a) != Entered || g.enter(t.Context(), Critical, &b) != Full {
		t.Error("want one inside and one shed")
	}
}

func TestANewConfigLetsWaitingRequestsIn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ctx := newGate(1, 10, time.Hour), t.Context()
		a, b, c := visit(g, ctx, Normal, "a"), visit(g, ctx, Normal, "b"), visit(g, ctx, Normal, "c")
		g.Set(GateSettings{MaxInFlight: 2, QueueLength: 10})
		expect(t, "b is inside, c waits", b, c)
		g.Set(GateSettings{})
		expect(t, "c is inside", c)
		for _, v := range []*visitor{a, b, c} {
			v.place.Leave()
		}
		expectEmpty(t, g)
	})
}

// starve lets a request come that finds an endpoint only after some looks.
func starve(g *Gate, ctx context.Context, name string, looks int) *visitor {
	v := &visitor{name: name}
	go func() {
		w := NewWaiter(Normal)
		result := v.place.enterOr(g, ctx, w)
		frees := g.Frees()
		for ; result == Entered && looks > 1; looks-- {
			result = g.Requeue(ctx, w, &v.place, frees)
			frees = g.Frees()
			v.place.Hold(g, w)
		}
		g.Found(w)
		v.result.Store(1 + int32(result))
	}()
	synctest.Wait()
	return v
}

// enterOr enters or waits.
func (p *Place) enterOr(g *Gate, ctx context.Context, w *Waiter) Result {
	if g.TryEnter() {
		p.Hold(g, w)
		return Entered
	}
	r := g.Wait(ctx, w)
	p.Hold(g, w)
	return r
}

func TestARequestWithoutAnEndpointKeepsItsPlaceInTheOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ctx := newGate(0, 10, time.Hour), t.Context()
		busy := held(t, g) // at the endpoint that has no room
		first := starve(g, ctx, "first", 3)
		second, third := starve(g, ctx, "second", 2), visit(g, ctx, Normal, "third")
		for _, want := range []string{
			"first waits, second waits, third waits",     // it comes back without an endpoint
			"first is inside, second waits, third waits", // so that the second has looked, in vain
			"first is inside, second is inside, third is inside",
		} {
			g.Freed()
			expect(t, want, first, second, third)
		}
		for _, v := range []*visitor{first, second, third} {
			v.place.Leave()
		}
		busy.Leave()
		expectEmpty(t, g)
	})
}

func TestAScoutThatPanicsMakesWayForTheNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, ctx := newGate(0, 10, time.Hour), t.Context()
		w := NewWaiter(Normal)
		var p Place
		g.TryEnter()
		p.Hold(g, w)
		go func() {
			g.Requeue(ctx, w, &p, g.Frees())
			p.Hold(g, w) // and never says whether it has found one
		}()
		synctest.Wait()
		next := visit(g, ctx, Normal, "next")
		g.Freed()
		expect(t, "next waits", next)
		p.Leave() // because its request is over
		expect(t, "next is inside", next)
		next.place.Leave()
		expectEmpty(t, g)
	})
}

func TestWhatBecameFreeMeanwhileIsNotMissed(t *testing.T) {
	g := newGate(0, 10, time.Hour)
	var p Place
	w, frees := NewWaiter(Normal), g.Frees()
	g.TryEnter()
	p.Hold(g, w)
	g.Freed() // while the request looks for an endpoint
	if r := g.Requeue(t.Context(), w, &p, frees); r != Entered {
		t.Errorf("got %d", r)
	}
}

func TestAfterAnyStormNothingIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(4, 6, 20*time.Millisecond)
		var inside, most atomic.Int64
		var results [4]atomic.Int64
		var wg sync.WaitGroup
		for i := range 2000 {
			wg.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(i)))
				time.Sleep(time.Duration(random.IntN(3000)) * time.Millisecond)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if random.IntN(4) == 0 {
					time.AfterFunc(time.Duration(random.IntN(20))*time.Millisecond, cancel)
				}
				var p Place
				r := g.enter(ctx, Class(random.IntN(ClassCount)), &p)
				results[r].Add(1)
				if r != Entered {
					return
				}
				n := inside.Add(1)
				for m := most.Load(); n > m && !most.CompareAndSwap(m, n); m = most.Load() {
				}
				time.Sleep(time.Duration(random.IntN(15)) * time.Millisecond)
				inside.Add(-1)
				p.Leave()
			})
		}
		wg.Wait()
		if most.Load() != 4 {
			t.Errorf("%d were inside at once, want 4", most.Load())
		}
		for r := range results {
			if results[r].Load() == 0 {
				t.Errorf("no request had result %d, so the test does not try it", r)
			}
		}
		expectEmpty(t, g)
	})
}

func TestClassesHaveTheirNames(t *testing.T) {
	var names []string
	for c := range Class(ClassCount) {
		names = append(names, c.String())
		if ClassOf(strings.ToUpper(c.String())) != c {
			t.Errorf("%s is not the class of its name", c)
		}
	}
	if want := []string{"critical", "normal", "sheddable"}; !slices.Equal(names, want) {
		t.Error(names)
	}
	for _, other := range []string{"", "urgent", "critical ", fmt.Sprint(Critical, Critical)} {
		if ClassOf(other) != Normal {
			t.Errorf("%q is %s", other, ClassOf(other))
		}
	}
}

func TestTheHeadLooksAgainWhileNoneIsInside(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(0, 10, time.Hour)
		first := starve(g, t.Context(), "first", 3)
		second := visit(g, t.Context(), Normal, "second")
		time.Sleep(time.Minute)
		expect(t, "first is inside, second is inside", first, second)
		first.place.Leave()
		second.place.Leave()
		expectEmpty(t, g)
	})
}
