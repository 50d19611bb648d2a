package lbpolicy

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// hashTable is what all policies that hash on equal lists share.
type hashTable struct {
	*rendezvous
	*sampler // for requests without a key
}

func newHashTable(members []endpoint.Member, nodes []node) hashTable {
	return hashTable{newRendezvous(nodes), newSampler(members)}
}

var hashTables = newShared(newHashTable)

// hashPicker picks the first endpoint in a key's order that is below its bound.
type hashPicker struct {
	hashTable
	policy  *BoundedLoadHash
	usable  atomic.Pointer[weightAt]
	release func() // nil if the table is not shared
}

// warm implements warmer.
func (h *hashPicker) warm() {
	if len(h.bidders) >= warmFrom {
		h.rendezvous.build(h.bidders)
	}
}

// discard implements discarder.
func (h *hashPicker) discard() { h.release() }

// weightAt is the weight of all usable members at one moment.
type weightAt struct {
	weight float64
	at     load.Instant
}

// usableWeightKept is how long a sum of usable weights is valid.
const usableWeightKept = 100 * time.Millisecond

func (h *hashPicker) pick(c candidates) int {
	key := h.policy.keyOf(c.request)
	if len(c.members) == 0 {
		return -1
	}
	if key == "" {
		return c.reserveRandom(h.sampler)
	}
	return h.reserveInOrder(&c, xxhash.Sum64String(key))
}

// reserveInOrder reserves a place at the first endpoint in the key's order that has room.
func (h *hashPicker) reserveInOrder(c *candidates, key uint64) int {
	perWeight := h.policy.LoadFactor * float64(c.inFlight()+1) * c.share / h.usableWeight(c)
	reason := endpoint.Sticky
	for step := range h.steps() {
		i := h.owner(key, step)
		if i < 0 || !c.usable(i) {
			continue
		}
		if c.reserve(i, bound(c, i, perWeight)) {
			c.attempts.Note(reason)
			return i
		}
		reason = endpoint.Overflow // the key belongs to this endpoint
	}
	if i, overflow := h.reserveAmongAll(c, key, perWeight); i >= 0 {
		if overflow {
			reason = endpoint.Overflow
		}
		c.attempts.Note(reason)
		return i
	}
	c.attempts.Note(endpoint.Overflow)
	return h.reserveLeastFull(c)
}

// reserveAmongAll looks at every endpoint, and reports whether the key belongs to another one that
// is at its bound. It is a function of its own, because its closure would cost every call of
// reserveInOrder an allocation.
func (h *hashPicker) reserveAmongAll(c *candidates, key uint64, perWeight float64) (i int, overflow bool) {
	full := false
	for range maxReserveTries {
		i = h.ownerAmong(key, func(i int) bool {
			if !c.usable(i) {
				return false
			}
			room := c.members[i].InFlight() < bound(c, i, perWeight)
			full = full || !room
			return room
		})
		if i < 0 || reserveWithin(c, i, perWeight) {
			return i, full && c.attempts != nil && h.ownerAmong(key, c.usable) != i
		}
	}
	return -1, true
}

func reserveWithin(c *candidates, i int, perWeight float64) bool {
	return c.usable(i) && c.reserve(i, bound(c, i, perWeight))
}

// bound returns the maximum number of requests in flight at member i. It is at least 1, because 0
// means no bound to reserve.
func bound(c *candidates, i int, perWeight float64) int {
	return max(1, int(math.Ceil(perWeight*float64(c.members[i].Weight))))
}

// usableWeight returns the sum of the weights of usable members, which shares are relative to.
// Adding it up for each pick would cost more than the pick, so it may be slightly out of date.
func (h *hashPicker) usableWeight(c *candidates) float64 {
	if known := h.usable.Load(); known != nil && c.now.Sub(known.at) < usableWeightKept {
		return known.weight
	}
	known := &weightAt{addUsable(c), c.now}
	h.usable.Store(known)
	return known.weight
}

// addUsable leaves aside what the request has tried, because picks of other requests use the sum.
func addUsable(c *candidates) (weight float64) {
	for i := range c.members {
		if c.usableByOthers(i) {
			weight += float64(c.members[i].Weight)
		}
	}
	return weight
}

// reserveLeastFull reserves a place at the usable endpoint with the fewest requests per weight. It
// is for the case that all endpoints are at their bounds, or reached them meanwhile.
func (h *hashPicker) reserveLeastFull(c *candidates) int {
	best, least := -1, math.Inf(1)
	for i := range c.members {
		if !c.usable(i) {
			continue
		}
		if load := float64(c.members[i].InFlight()+1) / float64(c.members[i].Weight); load < least {
			best, least = i, load
		}
	}
	if best >= 0 && c.reserve(best, 0) {
		return best
	}
	return c.reserveAny()
}
