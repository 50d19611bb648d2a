package limit

import "github.com/caddy-balance/caddy-balance/internal/load"

// Left returns how many retries the budget would allow now.
func (b *Budget) Left(now load.Instant) int {
	b.advance(now)
	b.mu.Lock()
	defer b.mu.Unlock()
	var requests, retries int64
	for i := range budgetSeconds {
		requests += b.requests[i].Load()
		retries += b.retries[i]
	}
	s := b.settings.Load()
	if s == nil {
		return 0
	}
	return max(0, int(float64(requests)*s.Share+budgetSeconds*s.PerSecond)-int(retries))
}
