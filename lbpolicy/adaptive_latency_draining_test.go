package lbpolicy

import "testing"

// TestDrainingMembersDoNotDiluteTheCost has two members that serve beside ten that drain. What a
// request in flight counts must not depend on the latter.
func TestDrainingMembersDoNotDiluteTheCost(t *testing.T) {
	f := newFleet(t, 3, 3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)
	if got := f.picker.(*leastCost).perRequest(0); got != 1 {
		t.Errorf("a request in flight counts %v, want 1", got)
	}
}
