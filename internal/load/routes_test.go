package load

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// find is what each request does.
func find(t *Routes, path string, now Instant) *Route {
	k := KeyOf(Plain, "GET", path)
	return t.Find(&k, now)
}

// word returns a segment that does not fold.
func word(n uint32) string {
	b := []byte("________")
	for i := 0; n > 0; i++ {
		b[i] = 'a' + byte(n%26)
		n /= 26
	}
	return string(b)
}

func TestFindReturnsTheSameRouteAgain(t *testing.T) {
	var table Routes
	r := find(&table, "/users/17", 0)
	if r != find(&table, "/users/42", second) {
		t.Error("/users/17 and /users/42 are two routes")
	}
	if r == find(&table, "/users", 0) {
		t.Error("/users and /users/17 are one route")
	}
	if r.name != "GET /users/*" {
		t.Errorf("its name is %q", r.name)
	}
}

func TestFindOfAKnownRouteDoesNotAllocate(t *testing.T) {
	var table Routes
	for _, path := range paths {
		find(&table, path, 0)
		if n := testing.AllocsPerRun(100, func() { find(&table, path, 0) }); n > 0 {
			t.Errorf("%v allocations for %.40q", n, path)
		}
	}
}

func TestATableIsUsedByManyAtOnce(t *testing.T) {
	var table Routes
	var wg sync.WaitGroup
	for g := range uint64(8) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(g, g))
			for i := range 5000 {
				now := second + Instant(i)
				r := find(&table, "/"+word(random.Uint32N(3000)), now)
				table.observe(r, now, .005, i%10 == 0, decay)
				table.finish(r, .005)
				table.Parked(r)
				table.Usual()
				if i%1000 == 0 {
					table.Status()
				}
			}
		})
	}
	wg.Wait()
	if n := count(&table); n > setCount*setSize+methodCount {
		t.Errorf("%d routes", n)
	}
	keys := map[uint64]bool{}
	for i := range table.sets {
		for j := range setSize {
			if r := table.sets[i].Load()[j].Load(); r != nil && keys[r.key] {
				t.Errorf("%s is in the table twice", r.name)
			} else if r != nil {
				keys[r.key] = true
			}
		}
	}
}

func TestUsualIsTheGeometricMeanOfAllRoutes(t *testing.T) {
	var table Routes
	if _, ok := table.Usual(); ok {
		t.Error("something is usual before the first answer")
	}
	quick, slow := find(&table, "/quick", 0), find(&table, "/slow", 0)
	for i := range Instant(400) {
		table.observe(quick, second+i*1e6, .001, false, decay)
		table.observe(slow, second+i*1e6, .1, false, decay)
		table.observe(slow, second+i*1e6, 100, true, decay)
	}
	if usual, ok := table.Usual(); !ok || usual < .0097 || usual > .0103 {
		t.Errorf("it is %v, want about 10 ms", usual)
	}
}

func TestRequestsOfARouteParkIfTheyTakeFarLongerThanUsual(t *testing.T) {
	for _, c := range []struct {
		usual, lasted float64
		parked        bool
	}{
		{.005, .9, false}, // 180 times as long, but no second
		{.005, 1.1, true},
		{.1, 1.9, false},
		{.1, 2.3, true},
		{5, 60, false}, // where all requests take long, none are parked
	} {
		var table Routes
		most, other := find(&table, "/most", 0), find(&table, "/other", 0)
		for range 2000 {
			table.finish(most, c.usual)
		}
		if table.Parked(other) {
			t.Error("requests of a new route park")
		}
		table.finish(other, c.lasted)
		if got := table.Parked(other); got != c.parked {
			t.Errorf("where most take %v s, those of %v s park: %v, want %v", c.usual, c.lasted, got, c.parked)
		}
	}
}
