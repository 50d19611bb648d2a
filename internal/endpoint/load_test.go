package endpoint

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/quick"
	"time"
)

const decay = 10 * time.Second

func at(d time.Duration) Instant { return Instant(d) }

func TestWaitingIsCountAndMeanAge(t *testing.T) {
	var l Load
	l.Begin(at(1 * time.Second))
	l.Begin(at(3 * time.Second))
	n, age := l.Waiting(at(5 * time.Second))
	if n != 2 || age.Round(time.Millisecond) != 3*time.Second {
		t.Fatalf("got %d waiting for %s on average, want 2 for 3s", n, age)
	}
	l.Shift(at(1*time.Second), at(4*time.Second))
	if _, age = l.Waiting(at(5 * time.Second)); age.Round(time.Millisecond) != 1500*time.Millisecond {
		t.Fatalf("after a shift got a mean age of %s, want 1.5s", age)
	}
	l.End(at(4 * time.Second))
	l.End(at(3 * time.Second))
	if n, age = l.Waiting(at(6 * time.Second)); n != 0 || age != 0 {
		t.Fatalf("got %d waiting for %s after all ended", n, age)
	}
}

func TestWaitingHoldsAfterYearsAndForThousands(t *testing.T) {
	var l Load
	base := at(10 * 365 * 24 * time.Hour)
	for i := range 5000 {
		l.Begin(base + Instant(i))
	}
	if n, age := l.Waiting(base + at(8*time.Hour)); n != 5000 || age.Round(time.Second) != 8*time.Hour {
		t.Fatalf("got %d waiting for %s, want 5000 for 8h", n, age)
	}
}

func TestWaitingIsNeverNegative(t *testing.T) {
	var l Load
	l.Begin(at(2 * time.Second))
	if _, age := l.Waiting(at(time.Second)); age != 0 {
		t.Fatalf("a reader whose clock was read earlier sees an age of %s", age)
	}
}

func TestWaitingComesBackToZeroUnderConcurrency(t *testing.T) {
	var l Load
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 2000 {
				start := Instant(rand.Int64N(1 << 50))
				l.Begin(start)
				l.End(start)
			}
		})
	}
	wg.Wait()
	if word := l.waiting.word.Load(); word != 0 {
		t.Fatalf("word is %x after all ended", word)
	}
}

func TestLatencyRisesAtOnceAndFallsWithTime(t *testing.T) {
	var l Load
	if _, fresh := l.Latency(at(0), decay); fresh != 0 {
		t.Fatal("there is history before the first observation")
	}
	l.Observe(at(0), 100*time.Millisecond, decay)
	l.Observe(at(0), 2*time.Second, decay)
	if seconds, _ := l.Latency(at(0), decay); !near(seconds, 2) {
		t.Fatalf("after a peak the estimate is %v s, want 2", seconds)
	}
	l.Observe(at(10*time.Second), 100*time.Millisecond, decay)
	if seconds, _ := l.Latency(at(10*time.Second), decay); !near(seconds, 0.1+1.9/2.71828) {
		t.Fatalf("one decay later a fast answer makes it %v s", seconds)
	}
}

func TestReadingLatencyChangesNothing(t *testing.T) {
	var l Load
	l.Observe(at(0), time.Second, decay)
	before, _ := l.Latency(at(time.Minute), decay)
	for range 100 {
		l.Latency(at(2*time.Minute), decay)
	}
	if after, fresh := l.Latency(at(time.Minute), decay); after != before || fresh >= 1 || fresh <= 0 {
		t.Fatalf("reading changed %v to %v (fresh %v)", before, after, fresh)
	}
}

func TestAtLeastRaisesButNeverLowers(t *testing.T) {
	var l Load
	l.Observe(at(0), time.Second, decay)
	l.AtLeast(at(0), 100*time.Millisecond, decay)
	if seconds, _ := l.Latency(at(0), decay); !near(seconds, 1) {
		t.Fatalf("a short lower bound made it %v s", seconds)
	}
	l.AtLeast(at(0), 5*time.Second, decay)
	if seconds, _ := l.Latency(at(0), decay); !near(seconds, 5) {
		t.Fatalf("a long lower bound made it %v s, want 5", seconds)
	}
}

func TestPenaltyFades(t *testing.T) {
	var l Load
	l.Penalize(at(0), 5*time.Second, decay)
	if now, later := l.Penalty(at(0), decay), l.Penalty(at(30*time.Second), decay); !near(now, 5) || !near(later, 5*0.0498) {
		t.Fatalf("the penalty is %v s, and %v s after three decays", now, later)
	}
}

func TestEstimateStaysWithinWhatWasObserved(t *testing.T) {
	within := func(samples []uint16, gaps []uint16) bool {
		var l Load
		now, low, high := at(0), 1e9, 0.0
		for i, s := range samples {
			if i < len(gaps) {
				now += Instant(gaps[i]) * 1e6
			}
			seconds := float64(s)/1000 + 0.001
			low, high = min(low, seconds), max(high, seconds)
			l.Observe(now, time.Duration(seconds*1e9), decay)
			if got, _ := l.Latency(now, decay); got < low*0.999 || got > high*1.001 {
				return false
			}
		}
		return true
	}
	if err := quick.Check(within, nil); err != nil {
		t.Fatal(err)
	}
}

func near(got, want float64) bool { return got > want*0.99 && got < want*1.01 }
