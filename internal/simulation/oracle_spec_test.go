package simulation

import (
	"context"
	"math/rand/v2"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func TestAForeseenJobTakesThatLong(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(seed, 0))
			s := newSharing(1+rng.IntN(4), .5+rng.Float64())
			if seed%2 == 0 {
				s.atOnce = 1 + rng.IntN(4)
				s.cores = float64(s.atOnce)
			}
			for range rng.IntN(12) {
				s.enter(exponential(100 * time.Millisecond)(rng))
			}
			time.Sleep(20 * time.Millisecond)
			work := exponential(100 * time.Millisecond)(rng)
			want, start := s.foresee(work), time.Now()
			if err := s.serve(t.Context(), work); err != nil {
				t.Fatal(err)
			}
			if took := time.Since(start); (took - want).Abs() > time.Microsecond {
				t.Errorf("seed %d: the job took %v; foreseen were %v", seed, took, want)
			}
		})
	}
}

func TestTheOraclePicksWhatAnswersSoonest(t *testing.T) {
	quick := &kind{}
	poll := &kind{lasts: time.Second}
	for _, tt := range []struct {
		name  string
		a     arrival
		setUp func(f *fleet)
		want  int
	}{
		{"the idle one", arrival{kind: quick, drawn: 10 * time.Millisecond}, func(f *fleet) {
			f.backends[0].server.(*sharing).enter(time.Second)
			f.backends[1].server.(*sharing).enter(time.Second)
		}, 2},
		{"the one that is soon idle", arrival{kind: quick, drawn: time.Second}, func(f *fleet) {
			f.backends[0].server.(*sharing).enter(time.Second)
			f.backends[1].server.(*sharing).enter(time.Millisecond)
			f.backends[2].server.(*sharing).enter(2 * time.Millisecond)
		}, 1},
		{"the fast one", arrival{kind: quick, drawn: 10 * time.Millisecond}, func(f *fleet) {
			f.backends[2].server.(*sharing).setSpeed(2)
		}, 2},
		{"one without the fault", arrival{kind: quick, path: "/cart"}, func(f *fleet) {
			f.backends[0].fault.Store(&fault{path: "/cart", share: 1})
			f.backends[1].fault.Store(&fault{hangs: true})
		}, 2},
		{"one with a fault that does not matter", arrival{kind: quick, path: "/"}, func(f *fleet) {
			f.backends[0].fault.Store(&fault{hangs: true})
			f.backends[1].fault.Store(&fault{path: "/cart", share: 1})
			f.begin(2, &arrival{kind: quick})
		}, 1},
		{"the fewest parked, for a poll", arrival{kind: poll}, func(f *fleet) {
			f.begin(0, &arrival{kind: poll})
			f.begin(1, &arrival{kind: poll})
			f.begin(2, &arrival{kind: quick})
		}, 2},
		{"parked ones are no work", arrival{kind: quick}, func(f *fleet) {
			f.begin(0, &arrival{kind: quick})
			f.begin(1, &arrival{kind: poll})
			f.begin(2, &arrival{kind: quick})
		}, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := scenario{backends: 3, duration: time.Minute, server: func(int) server { return newSharing(1, 1) }}
				f := newFleet(&s, 0)
				defer fleets.Delete(f.name)
				tt.setUp(f)
				if got := f.oraclePick(&tt.a); got != tt.want {
					t.Errorf("picked %d; expected %d", got, tt.want)
				}
			})
		})
	}
}

// oraclePick returns the backend that the oracle picks for a request.
func (f *fleet) oraclePick(a *arrival) int {
	var pool reverseproxy.UpstreamPool
	for _, dial := range f.dials[0] {
		pool = append(pool, &reverseproxy.Upstream{Dial: dial})
	}
	r := new(http.Request).WithContext(withArrival(context.Background(), a))
	o := oracle{fleet: f}
	return f.addresses[o.Select(pool, r, nil).Dial]
}
