package endpoint

import (
	"cmp"

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

// mergedWith returns the advice, with the fields that it does not mention taken from old.
func (a Advice) mergedWith(old Advice) Advice {
	return Advice{
		Percent:     cmp.Or(a.Percent, old.Percent),
		MaxRequests: cmp.Or(a.MaxRequests, old.MaxRequests),
		Mode:        cmp.Or(a.Mode, old.Mode),
	}
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
