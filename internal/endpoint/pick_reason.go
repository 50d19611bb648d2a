package endpoint

// PickReason is why a request went to the endpoint that was picked for it.
type PickReason uint8

// The reasons of picks.
const (
	FirstChoice PickReason = iota // the policy prefers the endpoint to all others
	Sticky                        // the key of the request belongs to it
	Overflow                      // that of the key has too many requests
	ZoneSpill                     // it is in another zone, because the own one cannot carry everything
	TierSpill                     // it has a lower priority, because the higher ones cannot carry everything
	Retry                         // the request was at another endpoint before
	Fallback                      // the fallback of the policy picked
	Moved                         // the session of the request was at another endpoint, which has lost it
	GroupSpill                    // the group of the request has no usable endpoint
	Hedge                         // the first endpoint takes longer than usual

	PickReasonCount = iota
)

// String returns the reason in metrics and logs.
func (r PickReason) String() string {
	return [...]string{
		"first_choice", "sticky", "overflow", "zone_spill", "tier_spill", "retry", "fallback", "moved",
		"group_spill", "hedge",
	}[r]
}
