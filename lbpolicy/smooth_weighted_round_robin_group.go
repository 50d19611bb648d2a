package lbpolicy

import (
	"math/bits"
	"slices"
)

// group is all endpoints of one weight. It is scheduled as one endpoint that passes its picks round
// among its members. The window of each pick lies within that of the member that gets it, so the
// bounds hold for all members. With equal weights this is plain round robin.
type group struct {
	members        []int32
	turn           int    // the index of the member that had the last pick
	early          bool   // whether the pick with a cut inside its window comes before the cut
	rate           uint64 // picks per cycle
	step, stepPart uint64 // W/rate, as whole picks and parts of 1/rate
	end, endPart   uint64 // the end of the open window, or of the last one, which is the start of the next
}

// groupByWeight returns the groups of the positive weights, and the sum of the weights.
func groupByWeight(weights []uint32) (groups []group, cycle uint64) {
	order := make([]uint64, 0, len(weights)) // weight, then index
	for i, w := range weights {
		if w > 0 {
			order = append(order, uint64(w)<<32|uint64(i))
			cycle += uint64(w)
		}
	}
	slices.Sort(order)
	for i, o := range order {
		if i == 0 || o>>32 != order[i-1]>>32 {
			groups = append(groups, group{})
		}
		g := &groups[len(groups)-1]
		g.members = append(g.members, int32(uint32(o)))
		g.rate += o >> 32
		g.step, g.stepPart = cycle/g.rate, cycle%g.rate
	}
	return groups, cycle
}

// mulDiv returns a*b/c and a*b%c without overflow, for a < c or b < c.
func mulDiv(a, b, c uint64) (quo, rem uint64) {
	hi, lo := bits.Mul64(a, b)
	return bits.Div64(hi, lo, c)
}
