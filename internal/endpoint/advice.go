package endpoint

import (
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

	// Down says that the endpoint does not work, in its own opinion. Until it says otherwise,
	// checks fail that find nothing wrong.
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

// MergedWith returns the advice, with the fields that it does not mention taken from old. A field
// that says the same as old keeps the pointer of old, so that advice without news compares equal.
func (a Advice) MergedWith(old Advice) Advice {
	m := Advice{
		Percent:     merged(a.Percent, old.Percent),
		Weight:      merged(a.Weight, old.Weight),
		MaxRequests: merged(a.MaxRequests, old.MaxRequests),
		Mode:        merged(a.Mode, old.Mode),
		Down:        merged(a.Down, old.Down),
	}
	switch { // one of the two weights ends the other
	case a.Percent == nil && a.Weight != nil:
		m.Percent = nil
	case a.Percent != nil && a.Weight == nil:
		m.Weight = nil
	}
	return m
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
		Weight:  stricter(a.Weight, b.Weight, func(a, b int) bool { return a < b }),
		MaxRequests: stricter(a.MaxRequests, b.MaxRequests, func(a, b int) bool {
			return a > 0 && (b <= 0 || a < b) // 0 is no limit
		}),
		Mode: stricter(a.Mode, b.Mode, func(a, b AdvisedMode) bool { return a > b }),
		Down: stricter(a.Down, b.Down, func(a, _ bool) bool { return a }),
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
		given := float64(min(max(*a.Weight, 0), listing.MaxWeight))
		if a.Percent == nil {
			return given
		}
		weight = min(weight, given) // of two probes, the stricter one
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
