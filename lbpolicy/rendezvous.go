package lbpolicy

import (
	"cmp"
	"math"
	"slices"
)

// Weighted rendezvous hashing (Thaler and Ravishankar 1998; with weights, Schindelhauer and Schomaker 2005): every
// endpoint bids for a key on its own, whoever else is in the pool, and the highest bid owns the key. So nothing moves
// between two endpoints when a third one comes, goes or changes weight. A Maglev table is filled by turns and a ring is
// cut into arcs: the first moves keys between bystanders, the second has coarse weights.
//
// Bids are made on slots, so that they can be tabled. An endpoint visits all slots in a pseudo-random order of its own.
// The time of a visit is -ln(1-x)/weight after a part x of them, which makes the first visitor of a slot a draw in
// proportion to weight; the earlier, the higher the bid. A key draws some slots, and the best bid at any of them counts.
// As the order of visits can be inverted, there are two ways to the same owner: work out everybody's visits at the
// key's slots, or table once who was first where by running through everybody's first visits.
const (
	// slotBits trades balance against the table's size and build time, which double with each bit. With n equal
	// endpoints, the shares scatter by sqrt(draws/(4·draws-2)·n/slotCount), a standard deviation of 0.8% of a share at
	// n = 100 and of 7.6% at 10,000: as even as a ring of 160 points for each endpoint.
	slotBits  = 19
	slotCount = 1 << slotBits
	// draws is how many slots a key has. One would need three times the visits for the same chance of a gap, and scatter
	// shares 1.3 times as much; more than three gain little, and pools without a table pay for each.
	draws = 3
	// visitsPerSlot is how far the table reaches. A slot stays empty with probability exp(-5), all slots of a key with
	// exp(-15): one key in three million has to be worked out.
	visitsPerSlot = 5
	// tableFrom is where working out every bid, 10 ns an endpoint, costs more than 4 MiB are worth.
	tableFrom = 33
	// rankBits is the part of a bid that says whose it is. It leaves 28 bits of precision: bids that look the same are
	// too rare to be seen in anybody's share.
	rankBits = 24
	rankMask = 1<<rankBits - 1
)

// node is an endpoint to hash on: the hash of the name it keeps, and its weight. A weight of 0 gets no keys.
type node struct {
	hash   uint64
	weight uint32
}

// rendezvous says which node owns a key. It is immutable, and the same for the same nodes in any order on any machine.
// Of two nodes with the same hash, the heavier one gets the keys of both, or the one that is listed first.
type rendezvous struct {
	visitors []bidder // those with a weight, by hash, the position being the rank
	first    []uint64 // each slot's highest bid so far, 0 if none; nil in a small pool
	horizon  float64  // the table holds all bids of this speed or faster
}

// newRendezvous prepares nodes; the look-ups answer with positions in it.
func newRendezvous(nodes []node) *rendezvous {
	z := &rendezvous{visitors: make([]bidder, 0, len(nodes))}
	for i, n := range nodes {
		if n.weight > 0 {
			z.visitors = append(z.visitors, newBidder(n, i))
		}
	}
	slices.SortFunc(z.visitors, func(a, b bidder) int {
		return cmp.Or(cmp.Compare(nodes[a.index].hash, nodes[b.index].hash), cmp.Compare(b.index, a.index))
	})
	for rank := range z.visitors {
		z.visitors[rank].rank = uint32(rank)
	}
	if len(z.visitors) >= tableFrom {
		z.race(visitsPerSlot)
	}
	return z
}

// race tables the first visitors until each slot has had the given number of visits on average.
func (z *rendezvous) race(visits float64) {
	var total float64
	for i := range z.visitors {
		total += z.visitors[i].weight
	}
	z.first = make([]uint64, slotCount)
	z.horizon = total / (visits * arrivalSteps)
	for i := range z.visitors {
		v := &z.visitors[i]
		share := -math.Expm1(-v.weight * visits / total) // of the slots, visited by then
		// One more for rounding up, one for what share and exposure are off: too many do no harm, too few would.
		v.visit(z.first, min(slotCount, uint32(share*slotCount)+2))
	}
}

// owner returns a key's choice number step, or -1 if no node has a weight. Choices after the first (step 0) are drawn
// anew: they are spread by weight, and the same one may come again.
func (z *rendezvous) owner(key uint64, step int) int {
	at := draw(key, step)
	if z.first != nil {
		best := max(z.first[at[0]], z.first[at[1]], z.first[at[2]])
		if speed(best) >= z.horizon {
			return int(z.visitors[best&rankMask].index)
		}
	}
	return z.fastest(&at, nil)
}

// steps is how many choices of owner to try before ownerAmong. In a small pool there are none: working out one choice
// is looking at all. In a large one, a choice costs as much as looking at four, or at eight when the table has left the
// processor's cache. Stopping where the walk has cost as much as ownerAmong is never worse than twice the better of the two.
func (z *rendezvous) steps() int {
	if z.first == nil {
		return 0
	}
	return len(z.visitors) / 8
}

// ownerAmong returns the node that would own the key if there were only those that accept takes, -1 if it takes none.
// It looks at all nodes. accept must only look, not reserve a place: it is asked about several, in no order.
func (z *rendezvous) ownerAmong(key uint64, accept func(i int) bool) int {
	at := draw(key, 0)
	return z.fastest(&at, accept)
}

func (z *rendezvous) fastest(at *[draws]uint32, accept func(i int) bool) int {
	found, best, bar := -1, uint64(0), 0.0
	for i := range z.visitors {
		v := &z.visitors[i]
		earliest := v.earliest(at)
		if v.weight < bar*float64(earliest) {
			continue // x < -ln(1-x), so that most need no logarithm
		}
		b := bid(v.weight/exposure(earliest), v.rank)
		if b > best && (accept == nil || accept(int(v.index))) {
			found, best, bar = int(v.index), b, speed(b)
		}
	}
	return found
}

// draw returns the slots of a key's choice. Three times 19 bits fit into one hash.
func draw(key uint64, step int) [draws]uint32 {
	h := mix(key + uint64(step)*golden)
	return [draws]uint32{uint32(h % slotCount), uint32(h >> 21 % slotCount), uint32(h >> 42 % slotCount)}
}

// bid packs the speed of a visit, the inverse of its time, and the visitor's rank into one number: numbers compare as
// speeds do, and ranks decide between equal speeds.
func bid(speed float64, rank uint32) uint64 {
	return math.Float64bits(speed)&^rankMask | uint64(rank)
}

func speed(bid uint64) float64 { return math.Float64frombits(bid &^ rankMask) }

const golden = 0x9e3779b97f4a7c15 // 2⁶⁴ over the golden ratio

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
