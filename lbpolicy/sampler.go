package lbpolicy

import (
	"math/rand/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// sampler draws members at random in proportion to their weights, in constant time. It is the alias
// method (Walker, 1977), with tables that are built as by Vose (1991).
type sampler struct {
	n      uint64
	equal  bool // whether all weights are equal, so that no table is needed
	bounds []uint64
	alias  []uint32
}

func newSampler(members []endpoint.Member) *sampler {
	s := &sampler{n: uint64(len(members)), equal: true}
	var total uint64
	for i := range members {
		total += uint64(members[i].Weight)
		s.equal = s.equal && members[i].Weight == members[0].Weight
	}
	if !s.equal {
		s.build(members, total)
	}
	return s
}

// build scales the weights by n, so that the average column holds total, and fills each lighter
// column up from a heavier one.
func (s *sampler) build(members []endpoint.Member, total uint64) {
	s.bounds = make([]uint64, s.n)
	s.alias = make([]uint32, s.n)
	var light, heavy []uint32
	for i := range members {
		s.bounds[i] = uint64(members[i].Weight) * s.n
		if s.bounds[i] < total {
			light = append(light, uint32(i))
		} else {
			heavy = append(heavy, uint32(i))
		}
	}
	rest := append([]uint64(nil), s.bounds...)
	for len(light) > 0 && len(heavy) > 0 {
		l, h := light[len(light)-1], heavy[len(heavy)-1]
		light = light[:len(light)-1]
		s.bounds[l], s.alias[l] = rest[l], h
		if rest[h] -= total - rest[l]; rest[h] < total {
			heavy = heavy[:len(heavy)-1]
			light = append(light, h)
		}
	}
	for _, i := range heavy {
		s.bounds[i] = total
	}
	s.scale(total)
}

// scale converts the bounds from [0, total] to 53 bits, which is the precision of a float64.
func (s *sampler) scale(total uint64) {
	for i, b := range s.bounds {
		s.bounds[i] = uint64(float64(b) / float64(total) * (1 << 53))
	}
}

// draw returns the index of a random member. The list must not be empty.
func (s *sampler) draw() int {
	i := rand.Uint64N(s.n)
	if s.equal || rand.Uint64N(1<<53) < s.bounds[i] {
		return int(i)
	}
	return int(s.alias[i])
}
