package lbpolicy

import (
	"math/rand/v2"
	"sync/atomic"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// turns decides among members that are equal otherwise. They take turns by weight, spread evenly,
// whichever of them take part: each member has a time at which its next turn begins, the earliest
// one has its turn, and the next one begins after the inverse of its weight. A member that has not
// taken part for a while has one turn at once, and nothing more for the others (start-time fair
// queueing, Goyal, Vin and Cheng, 1996).
//
// Rejected: smooth weighted round robin by credit (NGINX), which writes to all members that take
// part, and lets light members wait for up to half a cycle after each change of the list; and the
// schedule of smooth_weighted_round_robin, most of whose turns would be those of members that do
// not take part.
type turns struct {
	now  atomic.Uint64   // when the latest turn began
	next []atomic.Uint64 // by member
	step []uint64        // by member; the time between two turns
}

const (
	// turnTime is the time of a turn in which all members take part. In such units the time between
	// two turns of a member is precise to a ten thousandth. Times may overflow, because only
	// differences count, which are below 2^56 for 128 members of the largest weight.
	turnTime = 1 << 16

	// turnsAhead is how many turns for each member newTurns takes from a schedule.
	turnsAhead = 4
)

// newTurns returns turns that start at a random place of a cycle. Proxies that start together then
// do not pick the same endpoints in step, and light endpoints get their share of the first turns,
// however often the list changes. The first turns are those of a schedule, in which no two members
// wait for the same turn. A member that has none soon waits for a random part of its step.
func newTurns(members []endpoint.Member, random *rand.Rand) *turns {
	t := &turns{next: make([]atomic.Uint64, len(members)), step: make([]uint64, len(members))}
	weights := weightsOf(members)
	s := newSchedule(weights, random.Uint64N)
	if s.cycle == 0 {
		return t
	}
	ahead := turnsAhead * len(members)
	has := make([]bool, len(members))
	for n := range ahead {
		if i := s.next(); !has[i] {
			has[i] = true
			t.next[i].Store(uint64(n) * turnTime)
		}
	}
	for i := range members {
		t.step[i], _ = mulDiv(turnTime, s.cycle, uint64(max(weights[i], 1)))
		if from := uint64(ahead) * turnTime; !has[i] {
			t.next[i].Store(from + random.Uint64N(max(t.step[i], from+1)-from))
		}
	}
	return t
}

// take gives a turn to one of the members with these indices, and returns its index, or -1 if there
// are none. One alone uses up no turn.
func (t *turns) take(among []uint8) int {
	switch len(among) {
	case 0:
		return -1
	case 1:
		return int(among[0])
	}
	for {
		i, begins := t.first(among)
		now := t.now.Load()
		if isBefore(now, begins) {
			t.now.CompareAndSwap(now, begins) // or another pick has moved it on
			now = begins
		}
		// If another pick has taken this turn, the next one may be that of another member.
		if t.next[i].CompareAndSwap(begins, now+t.step[i]) {
			return i
		}
	}
}

// first returns the member whose turn begins first.
func (t *turns) first(among []uint8) (i int, begins uint64) {
	i = -1
	for _, m := range among {
		if at := t.next[m].Load(); i < 0 || isBefore(at, begins) {
			i, begins = int(m), at
		}
	}
	return i, begins
}

// isBefore compares times that may have overflowed.
func isBefore(a, b uint64) bool { return int64(a-b) < 0 }
