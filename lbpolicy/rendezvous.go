package lbpolicy

import (
	"cmp"
	"math"
	"slices"
)

// Weighted rendezvous hashing (Thaler and Ravishankar, 1998; with weights, Schindelhauer and
// Schomaker, 2005): every endpoint bids for a key, independently of the rest of the pool, and the
// highest bid owns the key. Therefore no key moves between two endpoints when a third one joins,
// leaves or changes its weight. A Maglev table, which is filled in turns, moves keys between
// bystanders. A ring, which is cut into arcs, has coarse weights.
//
// Bids are made on slots, so that they can be stored in a table. Each endpoint, as a bidder, visits
// all slots in its own pseudo-random order. The time of a visit is -ln(1-x)/weight after a part x
// of all visits. That makes the first bidder at a slot a draw in proportion to weight. An earlier
// visit is a higher bid. A key draws some slots, and the best bid at any of them counts.
//
// The order of visits can be inverted. So there are two ways to the same owner: to compute the
// visits of all bidders at the key's slots, or to fill a table once with the first visits of all
// bidders. See rendezvous_table.go.
const (
	// slotBits trades balance against the size and the build time of the table, which double with
	// each bit. With n equal endpoints, the shares scatter by sqrt(draws/(4·draws-2)·n/slotCount).
	// That is a standard deviation of 0.8 % of a share at n = 100 and of 7.6 % at 10,000, which is
	// as even as a ring with 160 points for each endpoint.
	slotBits  = 19
	slotCount = 1 << slotBits
	// draws is the number of slots of a key. With one slot, the table would need three times the
	// visits for the same probability of a gap, and shares would scatter 1.3 times as much. More
	// than three gain little, and each costs time in pools without a table.
	draws = 3
	// rankBits is the size of the rank in a bid. It leaves 28 bits of precision: equal bids are too
	// rare to affect a share visibly.
	rankBits = 24
	rankMask = 1<<rankBits - 1
)

// node is an endpoint to hash on: the hash of its stable name, and its weight. A node of weight 0
// gets no keys.
type node struct {
	hash   uint64
	weight uint32
}

// rendezvous maps keys to nodes. The map never changes, and is the same for the same nodes in any
// order on any machine. Of two nodes with the same hash, the heavier one gets the keys of both; of
// equal ones, the first.
type rendezvous struct {
	bidders []bidder // the nodes with a weight, by hash; the position is the rank
	lazyTable
}

// newRendezvous returns the map for nodes. Its look-ups return indices into nodes.
func newRendezvous(nodes []node) *rendezvous {
	z := &rendezvous{bidders: make([]bidder, 0, len(nodes))}
	for i, n := range nodes {
		if n.weight > 0 {
			z.bidders = append(z.bidders, newBidder(n, i))
		}
	}
	slices.SortFunc(z.bidders, func(a, b bidder) int {
		return cmp.Or(cmp.Compare(nodes[a.index].hash, nodes[b.index].hash), cmp.Compare(b.index, a.index))
	})
	for rank := range z.bidders {
		z.bidders[rank].rank = uint32(rank)
	}
	return z
}

// owner returns choice number step of a key, or -1 if no node has a weight. The choices after the
// first (step 0) are independent draws: they are spread by weight, and may repeat a node.
func (z *rendezvous) owner(key uint64, step int) int {
	at := slotsOf(key, step)
	if t := z.table.Load(); t != nil {
		best := max(t.first[at[0]], t.first[at[1]], t.first[at[2]])
		if speed(best) >= t.horizon {
			return int(z.bidders[best&rankMask].index)
		}
	} else if len(z.bidders) >= tableFrom {
		z.countComputed(z.bidders)
	}
	return z.fastest(&at, nil)
}

// steps returns the number of choices of owner to try before ownerAmong. In a small pool it is 0,
// because computing one choice looks at all nodes. In a large pool, a choice costs as much as
// looking at four nodes, or at eight if the table has left the processor's cache. To stop when the
// choices have cost as much as ownerAmong is never worse than twice the better of the two.
//
// Without the table the first choices are the same. There are fewer of them, because each one looks
// at all nodes.
func (z *rendezvous) steps() int {
	switch n := len(z.bidders); {
	case n < tableFrom:
		return 0
	case z.table.Load() == nil:
		return min(n/8, computedSteps)
	default:
		return n / 8
	}
}

// ownerAmong returns the node that would own the key if there were only the accepted nodes, or -1
// if there is none. It looks at all nodes. accept must not reserve places, because it is called for
// several nodes in no order.
func (z *rendezvous) ownerAmong(key uint64, accept func(i int) bool) int {
	at := slotsOf(key, 0)
	return z.fastest(&at, accept)
}

// fastest computes the highest bid of the accepted nodes on any of the slots; nil accepts all.
func (z *rendezvous) fastest(at *[draws]uint32, accept func(i int) bool) int {
	found, best, bar := -1, uint64(0), 0.0
	for i := range z.bidders {
		b := &z.bidders[i]
		earliest := b.earliest(at)
		if b.weight < bar*float64(earliest) {
			continue // as x < -ln(1-x), most need no logarithm
		}
		made := bid(b.weight/exposure(earliest), b.rank)
		if made > best && (accept == nil || accept(int(b.index))) {
			found, best, bar = int(b.index), made, speed(made)
		}
	}
	return found
}

// slotsOf returns the slots of a choice of a key. Three times 19 bits fit into one hash.
func slotsOf(key uint64, step int) [draws]uint32 {
	h := mix(key + uint64(step)*golden)
	return [draws]uint32{uint32(h % slotCount), uint32(h >> 21 % slotCount), uint32(h >> 42 % slotCount)}
}

// bid packs the speed of a visit, which is the inverse of its time, and the bidder's rank into one
// number. The numbers compare as the speeds do, and ranks decide between equal speeds.
func bid(speed float64, rank uint32) uint64 {
	return math.Float64bits(speed)&^rankMask | uint64(rank)
}

func speed(bid uint64) float64 { return math.Float64frombits(bid &^ rankMask) }

const golden = 0x9e3779b97f4a7c15 // 2⁶⁴ over the golden ratio

// mix is the finalizer of SplitMix64 (Steele, Lea and Flood, 2014).
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
