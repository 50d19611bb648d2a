package load

import (
	"math/rand/v2"
	"sync"
	"testing"
)

// operate does something with a request, in any order that callers may choose.
func operate(l *Load, r *Request, random *rand.Rand, now Instant) {
	switch random.IntN(8) {
	case 0, 1:
		l.Pause(r, now)
	case 2, 3:
		l.Resume(r, now)
	case 4:
		if random.IntN(4) == 0 {
			l.Park(r)
		}
	case 5, 6:
		l.Conclude(r, now, Result(random.IntN(int(Left)+1)), decay)
	case 7:
		l.End(r, now, decay)
		if random.IntN(2) == 0 {
			l.End(r, now, decay)
		}
	}
}

// isOver reports whether a request has ended. Only a test whose goroutines are done may call it.
func isOver(r *Request) bool { return r.stage == over }

func wantIdle(t *testing.T, l *Load) {
	t.Helper()
	if l.Waiting() != 0 || l.Parked() != 0 || l.active.first != nil || l.active.last != nil {
		t.Errorf("%d wait and %d are parked, and the list starts with %v", l.Waiting(), l.Parked(), l.active.first)
	}
	wantNoAges(t, &l.ages)
}

func TestCountsComeBackToZeroAfterAnyOrderOfCalls(t *testing.T) {
	for seed := range uint64(50) {
		random := rand.New(rand.NewPCG(seed, 2))
		p, quick, polls := mixedPool()
		routes := []*Route{quick, polls, p.route("/new")}
		l := &p.endpoints[0]
		var all []*Request
		for range 2000 {
			p.now += Instant(random.Int64N(int64(second / 20)))
			if len(all) < 30 && random.IntN(3) == 0 {
				all = append(all, p.send(0, routes[random.IntN(len(routes))]))
			}
			if len(all) > 0 {
				operate(l, all[random.IntN(len(all))], random, p.now)
			}
			r := l.Read(p.now, decay)
			if !(r.Relative >= 0 && r.Certainty >= 0 && r.Certainty <= 1 && r.Age >= 0) || r.Alarms > maxAlarms {
				t.Fatalf("seed %d: it reads %+v", seed, r)
			}
			wantConsistent(t, l, all)
			if random.IntN(100) == 0 {
				all = append(all[:0:0], unfinished(all)...)
			}
		}
		for _, request := range all {
			l.End(request, p.now, decay)
		}
		wantIdle(t, l)
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func unfinished(all []*Request) (left []*Request) {
	for _, r := range all {
		if !isOver(r) {
			left = append(left, r)
		}
	}
	return left
}

// wantConsistent compares the counts with those of all requests.
func wantConsistent(t *testing.T, l *Load, all []*Request) {
	t.Helper()
	var waits, parked int
	for _, r := range unfinished(all) {
		waits += int(indicator(r.stage == waiting))
		parked += int(indicator(r.parked))
	}
	if l.Waiting() != waits || l.Parked() != parked {
		t.Fatalf("%d wait and %d are parked, want %d and %d", l.Waiting(), l.Parked(), waits, parked)
	}
	for _, r := range l.active.all() {
		if r.parked || r.stage == over {
			t.Fatalf("%+v is among those that may be parked", *r)
		}
	}
}

func TestALoadIsUsedByManyAtOnce(t *testing.T) {
	p, quick, polls := mixedPool()
	routes := []*Route{quick, polls, p.route("/new")}
	l := &p.endpoints[0]
	var wg sync.WaitGroup
	for g := range uint64(8) {
		wg.Go(func() {
			random := rand.New(rand.NewPCG(g, 3))
			now := p.now
			for range 300 {
				now += Instant(random.Int64N(int64(second)))
				var request Request
				route := routes[random.IntN(len(routes))]
				l.Begin(&request, &p.Routes, route, p.Parked(route), now)
				var both sync.WaitGroup // a request may end while its answer comes
				for half := range uint64(2) {
					ours := rand.New(rand.NewPCG(g, random.Uint64()+half))
					both.Go(func() {
						for i := range Instant(8) {
							operate(l, &request, ours, now+i*1e6)
						}
					})
				}
				l.Read(now, decay)
				both.Wait()
				l.End(&request, now+second, decay)
			}
		})
	}
	wg.Wait()
	wantIdle(t, l)
}
