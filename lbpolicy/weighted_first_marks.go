package lbpolicy

import (
	"math/bits"
	"math/rand/v2"
	"sync/atomic"
)

// firstMarked picks from lists that are too long to look at all full members on each pick. It has a
// mark for each place in the order whose member had room when a pick last looked, and picks the
// first marked one. A pick removes the marks of members that it finds full, and looks at some of
// the places before the first mark.
type firstMarked struct {
	inOrder
	marks []atomic.Uint64 // 64 places each
}

// looksPerPick is how many unmarked places a pick looks at. Among 10,000 endpoints each look may
// have to wait for memory, and 16 take half a microsecond.
const looksPerPick = 16

// placesPerWord is the number of marks in a word.
const placesPerWord = 64

// newFirstMarked marks all places, because nothing is known to be full.
func newFirstMarked(order []int32) *firstMarked {
	p := &firstMarked{inOrder: inOrder{order}}
	p.marks = make([]atomic.Uint64, (len(order)+placesPerWord-1)/placesPerWord)
	for place := range order {
		p.mark(place)
	}
	return p
}

func (p *firstMarked) mark(place int) { p.marks[place/placesPerWord].Or(1 << (place % placesPerWord)) }
func (p *firstMarked) unmark(place int) {
	p.marks[place/placesPerWord].And(^(1 << (place % placesPerWord)))
}

func (p *firstMarked) pick(c candidates) int {
	p.look(&c)
	for word := range p.marks {
		for rest := p.marks[word].Load(); rest != 0; rest &= rest - 1 {
			place := word*placesPerWord + bits.TrailingZeros64(rest)
			i := int(p.order[place])
			picked := c.usable(i) && !isPassedOver(&c, i) && c.reserve(i, 0)
			if !c.usableByOthers(i) {
				p.unmark(place)
			}
			if picked {
				return i
			}
		}
	}
	return p.pickAny(c)
}

// look marks the places with room among a few before the first mark. They begin at a random one,
// because the range changes all the time, and picks at the same instant look at different ones.
func (p *firstMarked) look(c *candidates) {
	before := p.firstMark()
	if before == 0 {
		return
	}
	at := rand.IntN(before)
	for range min(before, looksPerPick) {
		if c.usableByOthers(int(p.order[at])) {
			p.mark(at)
		}
		if at++; at == before {
			at = 0
		}
	}
}

// firstMark returns the first marked place, or the number of places if none is marked.
func (p *firstMarked) firstMark() int {
	for word := range p.marks {
		if m := p.marks[word].Load(); m != 0 {
			return word*placesPerWord + bits.TrailingZeros64(m)
		}
	}
	return len(p.order)
}
