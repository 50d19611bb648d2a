package limit

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// budgetSeconds is the time over which a budget is balanced. Finagle and Linkerd use the same.
// Retries that were not needed earlier do not pay for a storm of them now.
const budgetSeconds = 10

// BudgetSettings say how many retries a budget allows.
type BudgetSettings struct {
	Share     float64 // the retries for each request, from 0 to 1
	PerSecond float64 // the retries in each second besides, so that a pool with little traffic has some
	On        bool    // whether retries are bounded at all
}

// Budget allows retries as a share of the requests of the last seconds (Finagle's RetryBudget,
// 2015). When most requests fail, a number of tries for each of them would multiply the load of
// endpoints that have too much already. Its zero value allows no retry.
type Budget struct {
	settings atomic.Pointer[BudgetSettings]
	refused  atomic.Uint64

	second   atomic.Int64 // the second that is being counted
	requests [budgetSeconds]atomic.Int64

	mu      sync.Mutex // orders changes of the second, and retries
	retries [budgetSeconds]int64
}

// Set changes the settings.
func (b *Budget) Set(s BudgetSettings) { b.settings.Store(&s) }

// CountRequest counts a request, which may be retried later.
func (b *Budget) CountRequest(now load.Instant) {
	second := b.advance(now)
	b.requests[second%budgetSeconds].Add(1)
}

// Withdraw reports whether the budget allows one more retry, and counts it if so.
func (b *Budget) Withdraw(now load.Instant) bool {
	second := b.advance(now)
	b.mu.Lock()
	defer b.mu.Unlock()
	if allowed, retries := b.allowed(); float64(retries+1) > allowed {
		b.refused.Add(1)
		return false
	}
	b.retries[second%budgetSeconds]++
	return true
}

// allowed returns how many retries the budget allows, and how many there were. The caller must hold
// the lock.
func (b *Budget) allowed() (allowed float64, retries int64) {
	var requests int64
	for i := range budgetSeconds {
		requests += b.requests[i].Load()
		retries += b.retries[i]
	}
	if s := b.settings.Load(); s != nil {
		allowed = float64(requests)*s.Share + budgetSeconds*s.PerSecond
	}
	return allowed, retries
}

// Left returns how many retries the budget would allow now.
func (b *Budget) Left(now load.Instant) int {
	b.advance(now)
	b.mu.Lock()
	defer b.mu.Unlock()
	allowed, retries := b.allowed()
	return max(0, int(allowed)-int(retries))
}

// Refused returns how many retries were not allowed.
func (b *Budget) Refused() uint64 { return b.refused.Load() }

// advance forgets the seconds that are too long ago, and returns the present one. A request that is
// counted at that very moment may count for the second before or be forgotten.
func (b *Budget) advance(now load.Instant) (second int64) {
	second = int64(now) / int64(time.Second)
	if b.second.Load() >= second {
		return b.second.Load()
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	last := b.second.Load()
	for s := max(last, second-budgetSeconds) + 1; s <= second; s++ {
		b.requests[s%budgetSeconds].Store(0)
		b.retries[s%budgetSeconds] = 0
	}
	b.second.Store(max(last, second))
	return max(last, second)
}
