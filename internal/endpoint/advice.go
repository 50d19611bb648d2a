package endpoint

import (
	"cmp"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Advice is what an endpoint says of itself when a probe asks it. A field that the answer did not
// mention is nil, and the earlier advice stays in force.
type Advice struct {
	// Percent scales the weight that the source gives, from 0. 0 drains the endpoint. It ends an
	// earlier Weight.
	Percent *int

	// Weight replaces the weight that the source gives. 0 drains the endpoint. It ends an earlier
	// Percent. An endpoint that its source drains stays drained.
	Weight *int

	// MaxRequests replaces the source's limit of requests in flight. 0 removes the limit.
	MaxRequests *int

	// Mode says which requests the endpoint wants.
	Mode *AdvisedMode

	// Down says that the endpoint does not work, in its own opinion. Until it says otherwise, checks
	// fail that find nothing wrong.
	Down *bool
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
	if a.Percent != nil || a.Weight != nil {
		old.Percent, old.Weight = nil, nil
	}
	return Advice{
		Percent:     cmp.Or(a.Percent, old.Percent),
		Weight:      cmp.Or(a.Weight, old.Weight),
		MaxRequests: cmp.Or(a.MaxRequests, old.MaxRequests),
		Mode:        cmp.Or(a.Mode, old.Mode),
		Down:        cmp.Or(a.Down, old.Down),
	}
}

func (a Advice) equal(b Advice) bool {
	return equalValues(a.Percent, b.Percent) && equalValues(a.Weight, b.Weight) &&
		equalValues(a.MaxRequests, b.MaxRequests) && equalValues(a.Mode, b.Mode) && equalValues(a.Down, b.Down)
}

func equalValues[T comparable](a, b *T) bool {
	return a == b || a != nil && b != nil && *a == *b
}

// maxPercent bounds the advised percentage, so that no endpoint can overflow a weight.
const maxPercent = 10_000

// weight returns the weight that is in force where the source's weight is fromSource.
func (a Advice) weight(fromSource int) float64 {
	weight := float64(fromSource)
	if a.Percent != nil {
		weight *= float64(min(max(*a.Percent, 0), maxPercent)) / 100
	}
	if a.Weight != nil {
		weight = float64(min(max(*a.Weight, 0), listing.MaxWeight))
	}
	return weight
}

// maxRequests returns the limit that is in force where the source's limit is fromSource.
func (a Advice) maxRequests(fromSource int) int {
	if a.MaxRequests == nil {
		return fromSource
	}
	return min(max(*a.MaxRequests, 0), listing.MaxCount)
}
