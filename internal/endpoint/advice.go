package endpoint

import (
	"cmp"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Advice is what an endpoint says of itself. What it did not mention is nil, and stays as it was.
type Advice struct {
	Percent     *int // of its weight, 0 and more; 0 drains
	MaxRequests *int // instead of the source's; 0 for no limit
	Mode        *AdvisedMode
}

// AdvisedMode is what an endpoint wants to get.
type AdvisedMode uint8

const (
	AdvisedReady AdvisedMode = iota // requests
	AdvisedDrain                    // nothing new
	AdvisedMaint                    // nothing at all, even if nobody else is left
)

// over is the advice with what it does not mention taken from what was said before.
func (a Advice) over(old Advice) Advice {
	return Advice{cmp.Or(a.Percent, old.Percent), cmp.Or(a.MaxRequests, old.MaxRequests), cmp.Or(a.Mode, old.Mode)}
}

func (a Advice) same(b Advice) bool {
	return equalValues(a.Percent, b.Percent) && equalValues(a.MaxRequests, b.MaxRequests) && equalValues(a.Mode, b.Mode)
}

func equalValues[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// maxPercent keeps a weight within its range whatever an endpoint says.
const maxPercent = 10_000

// factor is what the endpoint wants its source's weight to be multiplied with.
func (a Advice) factor() float64 {
	if a.Percent == nil {
		return 1
	}
	return float64(min(max(*a.Percent, 0), maxPercent)) / 100
}

func (a Advice) maxRequests(n int) int {
	if a.MaxRequests == nil {
		return n
	}
	return min(max(*a.MaxRequests, 0), listing.MaxCount)
}
