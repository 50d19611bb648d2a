package load

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"
)

// filled returns a table without room.
func filled() *Routes {
	var table Routes
	for n := range uint32(100_000) {
		observed(&table, "/"+word(n), second)
	}
	return &table
}

// observed finds a route and records an answer of 5 ms.
func observed(table *Routes, path string, now Instant) *Route {
	r := find(table, path, now)
	table.observe(r, now, .005, false, decay)
	return r
}

func TestAFullTableSeldomAllocates(t *testing.T) {
	table, n := filled(), uint32(1_000_000)
	allocations := testing.AllocsPerRun(10_000, func() {
		n++
		k := KeyOf(Plain, "GET", "/unknown_path")
		k.exact += uint64(n) * 0x9e3779b97f4a7c15
		table.Find(&k, second)
	})
	// AllocsPerRun rounds down. One in admission routes gets in, which takes a few.
	if allocations > 0 {
		t.Errorf("%v allocations on average", allocations)
	}
}

func TestWithoutRoomARouteIsPartOfACoarserOne(t *testing.T) {
	table, names := filled(), map[string]int{}
	for n := range uint32(4000) {
		k := KeyOf(Plain, "GET", "/shop/"+word(1_000_000+n))
		names[table.Find(&k, second).name]++
		k = KeyOf(Plain, "POST", "/"+word(1_000_000+n))
		names[table.Find(&k, second).name]++
	}
	if n := names["GET /shop/..."]; n < 3000 {
		t.Errorf("%d of 4,000 requests of a section share its route", n)
	}
	// The hashes of methods may be in one place.
	if n := names["POST ..."] + names["GET ..."]; n < 3000 {
		t.Errorf("%d of 4,000 requests of a method share its route", n)
	}
}

func TestMethodsThatClientsInventShareAFewRoutes(t *testing.T) {
	table := filled()
	for n := range uint32(10_000) {
		k := KeyOf(Plain, word(n), "/")
		table.Find(&k, second)
	}
	if n := count(table); n > setCount*setSize+methodCount {
		t.Errorf("%d routes", n)
	}
}

// count returns the number of routes in a table.
func count(t *Routes) (n int) {
	for i := range t.sets {
		if set := t.sets[i].Load(); set != nil {
			for j := range set {
				if set[j].Load() != nil {
					n++
				}
			}
		}
	}
	for i := range t.methods {
		if t.methods[i].Load() != nil {
			n++
		}
	}
	return n
}

func TestTheMemoryOfATableIsBounded(t *testing.T) {
	skipIfShort(t)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	table := new(Routes)
	for n := range uint32(1_000_000) {
		observed(table, "/"+word(n)+"/a_segment_of_some_length/and_another_one/and_more/"+word(n), second+Instant(n)*1e6)
	}
	bytes := heap() - before
	if n := count(table); n > setCount*setSize+methodCount {
		t.Errorf("%d routes", n)
	}
	if bytes > 200_000 {
		t.Errorf("the table takes %d bytes", bytes)
	}
	t.Logf("%d routes take %d bytes", count(table), bytes)
}

// flood lets one request in ten be a real one, and the others be for paths that a client invents,
// and returns the share of real requests that have a route of their own. It is 1,000 requests a
// second, of which each was answered before the next one came.
func flood(table *Routes, n int, from Instant, path func(route int) string) float64 {
	random := rand.New(rand.NewPCG(1, 2))
	var real, exact float64
	for i := range n {
		now := from + Instant(i)*Instant(time.Millisecond)
		if i%10 > 0 {
			observed(table, "/"+word(random.Uint32())+"/"+word(random.Uint32()), now)
			continue
		}
		k := KeyOf(Plain, "GET", path(random.IntN(realRoutes)))
		r := table.Find(&k, now)
		table.observe(r, now, .005, false, decay)
		if real++; r.key == k.exact {
			exact++
		}
	}
	return exact / real
}

const realRoutes = 200

func realPath(route int) string { return "/api/" + word(uint32(route)) }

func TestInventedPathsDoNotPushOutRoutesWithTraffic(t *testing.T) {
	skipIfShort(t)
	var table Routes
	for i := range 10 * realRoutes {
		observed(&table, realPath(i%realRoutes), second)
	}
	if share := flood(&table, 1_000_000, second, realPath); share < .95 {
		t.Errorf("%.1f %% of the real requests kept their route in a flood", share*100)
	}
}

func TestRoutesWithTrafficGetInDuringAFlood(t *testing.T) {
	skipIfShort(t)
	var table Routes
	none := func(int) string { return "/invented_too" }
	flood(&table, 500_000, second, none)
	began := second + 500*second
	early := flood(&table, 50_000, began, realPath)
	late := flood(&table, 200_000, began+50*second, realPath)
	if late < .95 {
		t.Errorf("%.1f %% of the real requests have their own route, at first %.1f %%", late*100, early*100)
	}
	t.Logf("%.1f %% of the real requests have their own route at first, then %.1f %%", early*100, late*100)
}

func TestRoutesWithTrafficGetInAfterAFlood(t *testing.T) {
	skipIfShort(t)
	var table Routes
	flood(&table, 500_000, second, func(int) string { return "/invented_too" })
	began := second + 501*second
	for i := range 150 * realRoutes {
		observed(&table, realPath(i%realRoutes), began+Instant(i)*Instant(time.Millisecond))
	}
	var without []int
	for i := range realRoutes {
		k := get(realPath(i))
		if table.Find(&k, began+100*second).key != k.exact {
			without = append(without, i)
		}
	}
	if len(without) > realRoutes/20 { // once in 300 tables, nine are in one set
		t.Errorf("routes %v have no place after 150 requests", without)
	}
}

func TestARouteOfThePastMakesRoomForOneOfThePresent(t *testing.T) {
	table := filled()
	for n := range uint32(100_000) {
		observed(table, "/"+word(n), second) // some of these are used much
	}
	later, own := second+Instant(10*time.Minute), 0
	for i := range 100 * realRoutes {
		now := later + Instant(i)*Instant(time.Millisecond)
		k := get(realPath(i % realRoutes))
		r := table.Find(&k, now)
		table.observe(r, now, .005, false, decay)
		if i >= 50*realRoutes && r.key == k.exact {
			own++
		}
	}
	if own < 50*realRoutes*95/100 {
		t.Errorf("%d of %d requests have a route of their own", own, 50*realRoutes)
	}
}
