package endpoint

import (
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Advice is what an endpoint says of itself when a probe asks it. A field that the answer did not
// mention is nil, and the earlier advice stays in force.
type Advice struct {
	// Percent scales the weight that the source gives, from 0. 0 drains the endpoint.
	Percent *int

	// MaxRequests replaces the source's limit of requests in flight. 0 removes the limit.
	MaxRequests *int

	// Mode says which requests the endpoint wants.
	Mode *AdvisedMode
}

// AdvisedMode is which requests an endpoint wants to get.
type AdvisedMode uint8

// The modes that an endpoint can ask for.
const (
	AdvisedReady AdvisedMode = iota // requests as usual
	AdvisedDrain                    // no new requests, unless only draining endpoints are left
	AdvisedMaint                    // no requests at all, even if no other endpoint is left
)

// MergedWith returns the advice, with the fields that it does not mention taken from old. A field
// that says the same as old keeps the pointer of old, so that advice without news compares equal.
func (a Advice) MergedWith(old Advice) Advice {
	return Advice{
		Percent:     merged(a.Percent, old.Percent),
		MaxRequests: merged(a.MaxRequests, old.MaxRequests),
		Mode:        merged(a.Mode, old.Mode),
	}
}

func merged[T comparable](a, old *T) *T {
	if a == nil || equalValues(a, old) {
		return old
	}
	return a
}

// strictest returns the advice that gives the endpoint the fewest requests, field by field.
func (a Advice) strictest(b Advice) Advice {
	return Advice{
		Percent: stricter(a.Percent, b.Percent, func(a, b int) bool { return a < b }),
		MaxRequests: stricter(a.MaxRequests, b.MaxRequests, func(a, b int) bool {
			return a > 0 && (b <= 0 || a < b) // 0 is no limit
		}),
		Mode: stricter(a.Mode, b.Mode, func(a, b AdvisedMode) bool { return a > b }),
	}
}

// stricter returns the stricter one of two fields of advice. A field that is nil says nothing.
func stricter[T any](a, b *T, isStricter func(a, b T) bool) *T {
	if b == nil || a != nil && !isStricter(*b, *a) {
		return a
	}
	return b
}

func (a Advice) equal(b Advice) bool {
	return equalValues(a.Percent, b.Percent) && equalValues(a.MaxRequests, b.MaxRequests) && equalValues(a.Mode, b.Mode)
}

func equalValues[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// maxPercent bounds the advised percentage, so that no endpoint can overflow a weight.
const maxPercent = 10_000

// factor returns what the source's weight is multiplied with.
func (a Advice) factor() float64 {
	if a.Percent == nil {
		return 1
	}
	return float64(min(max(*a.Percent, 0), maxPercent)) / 100
}

// maxRequests returns the limit that is in force where the source's limit is fromSource.
func (a Advice) maxRequests(fromSource int) int {
	if a.MaxRequests == nil {
		return fromSource
	}
	return min(max(*a.MaxRequests, 0), listing.MaxCount)
}
