package limit

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// retriesOf returns how many of n requests in each of some seconds could be retried once.
func retriesOf(b *Budget, n, seconds int) (retries int) {
	for s := range seconds {
		for i := range n {
			now := load.Instant(s)*load.Instant(time.Second) + load.Instant(i)
			b.CountRequest(now)
			if b.Withdraw(now) {
				retries++
			}
		}
	}
	return retries
}

func newBudget(share, perSecond float64) *Budget {
	b := new(Budget)
	b.Set(BudgetSettings{Share: share, PerSecond: perSecond})
	return b
}

func TestRetriesAreAShareOfTheRequests(t *testing.T) {
	if got := retriesOf(newBudget(.2, 0), 100, 60); got < 1190 || got > 1200 {
		t.Errorf("6000 requests had %d retries, want 1200", got)
	}
}

func TestAPoolWithLittleTrafficHasItsRetriesPerSecond(t *testing.T) {
	if got := retriesOf(newBudget(0, 3), 3, 60); got != 180 {
		t.Errorf("180 requests had %d retries, want all", got)
	}
	if got := retriesOf(newBudget(0, 3), 100, 60); got > 200 {
		t.Errorf("a minute had %d retries, want at most 3 a second and those of a start", got)
	}
}

func TestABudgetWithoutSettingsAllowsNothing(t *testing.T) {
	b := new(Budget)
	if retriesOf(b, 10, 10) != 0 || b.Refused() != 100 {
		t.Errorf("%d retries were refused, want 100", b.Refused())
	}
}

func TestRequestsOfLongAgoPayForNothing(t *testing.T) {
	b := newBudget(.2, 0)
	for range 1000 {
		b.CountRequest(0)
	}
	if now := load.Instant(9 * time.Second); !b.Withdraw(now) {
		t.Error("requests of 9 s ago allow no retry")
	}
	if now := load.Instant(11 * time.Second); b.Withdraw(now) {
		t.Error("requests of 11 s ago allow a retry")
	}
	if now := load.Instant(time.Hour); b.Withdraw(now) {
		t.Error("requests of an hour ago allow a retry")
	}
}

func TestManyAtOnceDoNotExceedTheBudget(t *testing.T) {
	b := newBudget(.2, 0)
	var retries atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 1000 {
				now := load.Instant(i) * load.Instant(time.Millisecond)
				b.CountRequest(now)
				if b.Withdraw(now) {
					retries.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if n := retries.Load(); n > 1600 || n == 0 {
		t.Errorf("8000 requests had %d retries, want at most 1600", n)
	}
}

func TestABudgetSaysWhatIsLeft(t *testing.T) {
	b := newBudget(.2, 1)
	for range 50 {
		b.CountRequest(0)
	}
	for left := 20; left > 0; left-- {
		if got := b.Left(0); got != left {
			t.Fatalf("%d are left, want %d", got, left)
		}
		b.Withdraw(0)
	}
	if b.Left(0) != 0 || b.Withdraw(0) {
		t.Error("there is more than was said")
	}
	if got := b.Left(load.Instant(20 * time.Second)); got != 10 {
		t.Errorf("%d are left after a quiet time, want those per second", got)
	}
}
