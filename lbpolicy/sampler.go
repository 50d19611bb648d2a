package lbpolicy

import (
	"math/bits"
	"math/rand/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// sampler draws members at random in proportion to their weights, in constant time. It is the alias
// method (Walker, 1977), with a table that is built as by Vose (1991).
type sampler struct {
	n       uint64
	columns []column // empty if all weights are equal
}

// column is a part of a sampler's table of equal width. A draw that falls below the bound is for
// the member of the column's own index, and any other is for the alias.
type column struct{ bound, alias uint32 }

// width is the width of a column, in units of the bound.
const width = 1 << 32

func newSampler(members []endpoint.Member) *sampler {
	s := &sampler{n: uint64(len(members))}
	var total uint64
	equal := true
	for i := range members {
		total += uint64(members[i].Weight)
		equal = equal && members[i].Weight == members[0].Weight
	}
	if !equal {
		s.build(members, total)
	}
	return s
}

// build scales the weights by n, so that the average column holds total, and fills each lighter
// column up from a heavier one. A column that is full is its own alias.
func (s *sampler) build(members []endpoint.Member, total uint64) {
	s.columns = make([]column, s.n)
	rest := make([]uint64, s.n)
	var light, heavy []uint32
	for i := range members {
		s.columns[i].alias = uint32(i)
		rest[i] = uint64(members[i].Weight) * s.n
		if rest[i] < total {
			light = append(light, uint32(i))
		} else {
			heavy = append(heavy, uint32(i))
		}
	}
	for len(light) > 0 && len(heavy) > 0 {
		l, h := light[len(light)-1], heavy[len(heavy)-1]
		light = light[:len(light)-1]
		s.columns[l] = column{uint32(float64(rest[l]) / float64(total) * width), h}
		if rest[h] -= total - rest[l]; rest[h] < total {
			heavy = heavy[:len(heavy)-1]
			light = append(light, h)
		}
	}
}

// drawSample fills drawn with the indices of random members, and fetches all of them from memory
// before a policy looks at one.
func (s *sampler) drawSample(members []endpoint.Member, drawn []int32) {
	for j := range drawn {
		drawn[j] = int32(s.draw())
	}
	for _, i := range drawn {
		members[i].Fetch()
	}
}

// draw returns the index of a random member. The list must not be empty.
func (s *sampler) draw() int {
	// The integer part of a random number below n is the column, and the fraction the place in it.
	i, fraction := bits.Mul64(rand.Uint64(), s.n)
	if len(s.columns) == 0 {
		return int(i)
	}
	c := s.columns[i]
	if uint32(fraction>>32) >= c.bound {
		i = uint64(c.alias)
	}
	return int(i)
}
