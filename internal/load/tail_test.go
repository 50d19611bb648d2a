package load

import (
	"math/rand/v2"
	"sync"
	"testing"
	"time"
)

func TestATailKnowsItsQuantiles(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var tail Tail
	for range 5000 {
		tail.Observe(time.Duration(random.ExpFloat64() * float64(100*time.Millisecond)))
	}
	for share, want := range map[float64]float64{.5: .0693, .9: .230, .95: .2996, .99: .4605} {
		got, ok := tail.Quantile(share)
		if !ok || got.Seconds() < want*.85 || got.Seconds() > want*1.15 {
			t.Errorf("%v: got %s, %v; want %v s", share, got, ok, want)
		}
	}
}

func TestATailIsUnknownAtFirst(t *testing.T) {
	var tail Tail
	for i := range tailKnownFrom {
		if d, ok := tail.Quantile(.95); ok || d != 0 {
			t.Fatalf("after %d times it is %s", i, d)
		}
		tail.Observe(time.Second)
	}
	if _, ok := tail.Quantile(.95); !ok {
		t.Error("it is still unknown")
	}
}

func TestATailFollowsARouteThatChanges(t *testing.T) {
	var tail Tail
	for range 10_000 {
		tail.Observe(time.Second)
	}
	for range 3 * tailLimit {
		tail.Observe(10 * time.Millisecond)
	}
	if d, _ := tail.Quantile(.95); d > 15*time.Millisecond {
		t.Errorf("got %s", d)
	}
}

func TestExtremeTimesAreCounted(t *testing.T) {
	for _, d := range []time.Duration{-time.Second, 0, time.Nanosecond, 1 << 62} {
		var tail Tail
		for range 2 * tailLimit {
			tail.Observe(d)
		}
		if got, ok := tail.Quantile(.95); !ok || got <= 0 {
			t.Errorf("%s: got %s, %v", d, got, ok)
		}
	}
}

func TestManyRequestsShareATail(t *testing.T) {
	r := new(Route)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 5000 {
				r.Tail().Observe(time.Millisecond)
				r.Tail().Quantile(.95)
			}
		})
	}
	all.Wait()
	if d, ok := r.Tail().Quantile(.95); !ok || d > 2*time.Millisecond {
		t.Errorf("got %s, %v", d, ok)
	}
}
