package load

import (
	"math/rand/v2"
	"sync"
	"testing"
	"testing/quick"
	"time"
)

const decay = 10 * time.Second

// at returns the instant this long after the start of the clock.
func at(d time.Duration) Instant { return Instant(d) }

func TestWaitingIsCountAndMeanAge(t *testing.T) {
	var l Load
	l.Begin(at(1 * time.Second))
	l.Begin(at(3 * time.Second))
	n, age := l.Waiting(at(5 * time.Second))
	if n != 2 || !near(age, 3) {
		t.Fatalf("got %d waiting for %v s on average, want 2 for 3", n, age)
	}
	l.Shift(at(1*time.Second), at(4*time.Second))
	if _, age = l.Waiting(at(5 * time.Second)); !near(age, 1.5) {
		t.Fatalf("after a shift got a mean age of %v s, want 1.5", age)
	}
	l.End(at(4 * time.Second))
	l.End(at(3 * time.Second))
	if n, age = l.Waiting(at(6 * time.Second)); n != 0 || age != 0 {
		t.Fatalf("got %d waiting for %v s after all ended", n, age)
	}
}

func TestWaitingIsExactAfterYearsAndForThousands(t *testing.T) {
	var l Load
	base := at(10 * 365 * 24 * time.Hour)
	for i := range 5000 {
		l.Begin(base + Instant(i))
	}
	if n, age := l.Waiting(base + at(8*time.Hour)); n != 5000 || !near(age, 8*3600) {
		t.Fatalf("got %d waiting for %v s, want 5000 for 8h", n, age)
	}
}

func TestWaitingIsNeverNegative(t *testing.T) {
	var l Load
	l.Begin(at(2 * time.Second))
	if _, age := l.Waiting(at(time.Second)); age != 0 {
		t.Fatalf("a reader whose clock was read earlier sees an age of %v s", age)
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

// answers records n answers, a tenth of a second apart.
func answers(l *Load, now Instant, n int, latency time.Duration) Instant {
	for range n {
		now += at(100 * time.Millisecond)
		l.Observe(now, latency, decay)
	}
	return now
}

func wantEstimate(t *testing.T, l *Load, now Instant, want float64) {
	t.Helper()
	if seconds, _ := l.Latency(now, decay); !near(seconds, want) {
		t.Errorf("the estimate is %v s, want %v", seconds, want)
	}
}

func TestWithoutAnAnswerNothingIsKnown(t *testing.T) {
	var l Load
	if seconds, certainty := l.Latency(at(time.Hour), decay); seconds != 0 || certainty != 0 {
		t.Errorf("%v s with a certainty of %v", seconds, certainty)
	}
}

func TestASlowdownIsDetectedWithinAFewAnswers(t *testing.T) {
	var l Load
	now := answers(&l, at(0), 200, 170*time.Millisecond)
	wantEstimate(t, &l, now, 0.17)
	now = answers(&l, now, 5, 2*time.Second)
	if seconds, _ := l.Latency(now, decay); seconds < 0.5 {
		t.Errorf("after five answers of 2s the estimate is %v s", seconds)
	}
	now = answers(&l, now, 60, 2*time.Second)
	if seconds, _ := l.Latency(now, decay); seconds < 1.7 {
		t.Errorf("after 65 answers of 2s the estimate is %v s", seconds)
	}
}

func TestARecoveryIsDetectedLongBeforeTheDecay(t *testing.T) {
	var l Load
	now := answers(&l, at(0), 200, 2*time.Second)
	now = answers(&l, now, 30, 170*time.Millisecond) // 3 of 10 seconds
	if seconds, _ := l.Latency(now, decay); seconds > 0.4 {
		t.Errorf("after 30 answers of 170ms the estimate is %v s", seconds)
	}
}

func TestOneSlowAnswerIsNoSlowdown(t *testing.T) {
	var l Load
	now := answers(&l, at(0), 200, 100*time.Millisecond)
	now = answers(&l, now, 1, time.Second)
	if seconds, _ := l.Latency(now, decay); seconds > 0.12 {
		t.Errorf("one answer of 1s among many of 100ms made the estimate %v s", seconds)
	}
}

func TestRandomTimesAreEstimatedByTheirMean(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var l Load
	now, worst := at(0), 1.0
	for i := range 20000 {
		now += at(10 * time.Millisecond)
		l.Observe(now, time.Duration(random.ExpFloat64()*1e8), decay)
		if seconds, _ := l.Latency(now, decay); i > 2000 {
			worst = max(worst, seconds/0.1, 0.1/seconds)
		}
	}
	// In so many answers, about two false changes of up to a factor of three are expected.
	if seconds, _ := l.Latency(now, decay); worst > 3.5 || seconds < 0.08 || seconds > 0.12 {
		t.Errorf("exponential times of mean 100ms ended as %v s, at worst a factor %v off", seconds, worst)
	}
}

func TestCertaintyGrowsWithAnswersAndFadesWithTime(t *testing.T) {
	var l Load
	now := answers(&l, at(0), 1, time.Second)
	_, one := l.Latency(now, decay)
	now = answers(&l, now, 200, time.Second)
	_, many := l.Latency(now, decay)
	_, later := l.Latency(now+at(decay), decay)
	_, idle := l.Latency(now+at(3*decay), decay)
	if one > 0.1 || many < 0.9 || !near(later, many/2.708) || idle != 0 {
		t.Errorf("one %v, many %v, a decay later %v, three later %v", one, many, later, idle)
	}
}

func TestReadingLatencyChangesNothing(t *testing.T) {
	var l Load
	l.Observe(at(0), time.Second, decay)
	before, _ := l.Latency(at(15*time.Second), decay)
	for range 100 {
		l.Latency(at(20*time.Second), decay)
	}
	if after, fresh := l.Latency(at(15*time.Second), decay); after != before || fresh >= 1 || fresh <= 0 {
		t.Fatalf("reading changed %v to %v (fresh %v)", before, after, fresh)
	}
}

func TestAtLeastRaisesButNeverLowers(t *testing.T) {
	var l Load
	now := answers(&l, at(0), 100, time.Second)
	l.AtLeast(now, 100*time.Millisecond, decay)
	wantEstimate(t, &l, now, 1)
	for range 20 {
		l.AtLeast(now, 30*time.Second, decay)
	}
	if seconds, _ := l.Latency(now, decay); seconds < 5 {
		t.Errorf("after twenty clients gave up at 30s the estimate is %v s", seconds)
	}
}

func TestALowerBoundDoesNotMakeAnUnknownEndpointLookFast(t *testing.T) {
	var l Load
	if l.AtLeast(at(0), time.Millisecond, decay) {
		t.Error("a lower bound became an estimate")
	}
	if _, certainty := l.Latency(at(0), decay); certainty != 0 {
		t.Errorf("certainty is %v", certainty)
	}
}

func TestAFailureExpiresInOneDecay(t *testing.T) {
	var l Load
	l.Fail(at(0), 1, decay)
	now, half, later := l.Failures(at(0), decay), l.Failures(at(decay/2), decay), l.Failures(at(decay), decay)
	if !near(now, 1) || !near(half, 0.5) || later > 0.01 {
		t.Errorf("one failure counts as %v, half a decay later as %v, and after one as %v", now, half, later)
	}
}

func TestFailuresAddUpToFourAndAnAnswerHalvesThem(t *testing.T) {
	var l Load
	for i, want := range []float64{1, 2, 3, 4, 4, 4} {
		l.Fail(at(0), 1, decay)
		if n := l.Failures(at(0), decay); !near(n, want) {
			t.Errorf("%d failures count as %v, want %v", i+1, n, want)
		}
	}
	l.Observe(at(0), time.Millisecond, decay)
	if n := l.Failures(at(0), decay); !near(n, 2) {
		t.Errorf("after an answer four failures count as %v, want 2", n)
	}
	answers(&l, at(0), 20, time.Millisecond)
	if l.failures.word.Load() != 0 {
		t.Error("failures are left after many answers")
	}
}

func TestTheEstimateStaysBetweenTheObservedTimes(t *testing.T) {
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
