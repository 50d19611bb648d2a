package lbpolicy

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// homes picks where a key is at home.
type hashPicker struct {
	*rendezvous
	*sampler
	policy *BoundedLoadHash
	usable atomic.Pointer[weightAt]
}

// weightAt is how much weight was usable at a time.
type weightAt struct {
	weight float64
	at     load.Instant
}

const usableWeightKept = 100 * time.Millisecond

func (h *hashPicker) pick(c candidates) int {
	key := h.policy.keyOf(c.request)
	if len(c.members) == 0 {
		return -1
	}
	if key == "" {
		return c.takeRandom(h.sampler)
	}
	return h.walkOrder(&c, xxhash.Sum64String(key))
}

// walk takes the first endpoint in the key's order that has room.
func (h *hashPicker) walkOrder(c *candidates, key uint64) int {
	perWeight := h.policy.LoadFactor * float64(c.inFlight()+1) * c.share / h.usableWeight(c)
	for step := range h.steps() {
		if i := h.owner(key, step); i >= 0 && takeWithin(c, i, perWeight) {
			return i
		}
	}
	if i := h.walkAll(c, key, perWeight); i >= 0 {
		return i
	}
	return h.leastFull(c)
}

// walkAll looks at every endpoint. It is a function of its own because its closure
// would cost every walk an allocation.
func (h *hashPicker) walkAll(c *candidates, key uint64, perWeight float64) int {
	for range 3 { // a place may be lost to another request between looking and taking
		i := h.ownerAmong(key, func(i int) bool {
			return c.usable(i) && c.members[i].InFlight() < bound(c, i, perWeight)
		})
		if i < 0 || takeWithin(c, i, perWeight) {
			return i
		}
	}
	return -1
}

func takeWithin(c *candidates, i int, perWeight float64) bool {
	return c.usable(i) && c.take(i, bound(c, i, perWeight))
}

func bound(c *candidates, i int, perWeight float64) int {
	return max(1, int(math.Ceil(perWeight*float64(c.members[i].Weight)))) // 0 would be no bound
}

// usableWeight is what shares are shares of. Adding it up for each pick would cost more
// than the pick, so it may be a little out of date.
func (h *hashPicker) usableWeight(c *candidates) float64 {
	if known := h.usable.Load(); known != nil && c.now.Sub(known.at) < usableWeightKept {
		return known.weight
	}
	known := &weightAt{addUsable(c), c.now}
	h.usable.Store(known)
	return known.weight
}

func addUsable(c *candidates) (weight float64) {
	for i := range c.members {
		if c.usable(i) {
			weight += float64(c.members[i].Weight)
		}
	}
	return weight
}

// leastFull is for when all are full, or became so in the meantime.
func (h *hashPicker) leastFull(c *candidates) int {
	best, least := -1, math.Inf(1)
	for i := range c.members {
		if !c.usable(i) {
			continue
		}
		if load := float64(c.members[i].InFlight()+1) / float64(c.members[i].Weight); load < least {
			best, least = i, load
		}
	}
	if best >= 0 && c.take(best, 0) {
		return best
	}
	return c.takeAny()
}
