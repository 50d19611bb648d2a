package lbpolicy

import "math"

// Keys hash to one of this many slots. Among 100 endpoints that makes shares exact to 3 %,
// among 10,000 to 28 % (one standard deviation); what is left, the bounded load evens out.
const (
	slotBits = 17
	slots    = 1 << slotBits
	slotMask = slots - 1
)

// evaluated is up to how many nodes a slot's winner is worked out when it is asked for. A
// larger list gets a table of all slots, which has the same winners; small ones, which
// are many in some configs, then cost nothing to build.
const evaluated = 32

// maxAttempts is how many slots of a key are tried before all nodes are looked at. Where half
// of the nodes have room, 16 slots find none of them once in 65,000 keys.
const maxAttempts = 16

// node is an endpoint by the hash of its key. Two with the same hash are one node, as
// heavy as the heavier, and the first in the list is it.
type node struct {
	hash   uint64
	weight uint32
}

// rendezvous says which node a key belongs to. Each slot is won by weighted rendezvous
// hashing (Thaler and Ravishankar, 1998; weights: Schindelhauer and Schomaker, 2005): a
// node visits every slot once, at a time drawn for the two, earlier the heavier the node,
// and the first visitor wins. So no node's slots depend on who else is there: who
// leaves frees just its own, and who joins or gains weight takes just its own.
//
// A ring of points would need points in proportion to the weights, which range to 65535;
// scaling them down makes the points of all depend on the weight of each.
type rendezvous struct {
	visitors []visitor
	winners  []int32 // by slot; nil for a small list
}

func newRendezvous(nodes []node) *rendezvous {
	z := &rendezvous{}
	for i, n := range nodes {
		if n.weight == 0 {
			continue
		}
		z.visitors = append(z.visitors, newVisitor(n, int32(i)))
	}
	if len(z.visitors) > evaluated {
		z.race()
	}
	return z
}

// owner is the node at the key's place number attempt (0 is where it is at home), -1 if no node has
// weight. Later places may repeat earlier ones.
func (z *rendezvous) owner(key uint64, attempt int) int {
	slot := uint32(mix(key+uint64(attempt)*golden)) & slotMask
	if z.winners != nil {
		return int(z.winners[slot])
	}
	return z.winner(slot, anyone)
}

func anyone(int) bool { return true }

// nearest is the first accepted node in the order of visits to the key's home slot, -1 if
// none is. It looks at all nodes, and may ask about one that is not the result.
func (z *rendezvous) nearest(key uint64, accept func(i int) bool) int {
	return z.winner(uint32(mix(key))&slotMask, accept)
}

func (z *rendezvous) winner(slot uint32, accept func(i int) bool) int {
	best, first := -1, math.Inf(1)
	for i := range z.visitors {
		v := &z.visitors[i]
		if t, sooner := v.sooner(v.place(slot), first); sooner && accept(int(v.index)) {
			best, first = int(v.index), t
		}
	}
	return best
}
