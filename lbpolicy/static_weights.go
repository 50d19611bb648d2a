package lbpolicy

import (
	"fmt"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// weightsArgument is the weights of static upstreams by position, in a Caddyfile.
func weightsArgument(weights *[]int) caddyfile.Param {
	return caddyfile.Optional(caddyfile.Ints("weights", weights, 0, listing.MaxWeight))
}

// provisionWeighted is provision for a policy that takes weights of static upstreams by position,
// which it checks.
func (s *selector) provisionWeighted(ctx caddy.Context, a algorithm, weights []int) error {
	if err := s.provision(ctx, a, weights); err != nil {
		return err
	}
	return s.checkWeights(weights)
}

func (s *selector) checkWeights(weights []int) error {
	sum := 0
	for i, w := range weights {
		if w < 0 || w > listing.MaxWeight {
			return fmt.Errorf("weights: %d at position %d is not between 0 and %d", w, i+1, listing.MaxWeight)
		}
		sum += w
	}
	if len(weights) == 0 {
		return nil
	}
	if sum == 0 {
		return fmt.Errorf("weights: all are 0, so no upstream would get a request")
	}
	if s.handler == nil {
		return nil
	}
	if n := len(s.handler.Upstreams); len(weights) != n {
		return fmt.Errorf("weights: %d for %s; each upstream of the reverse proxy needs one "+
			"(endpoints of a pool bring their own)", len(weights), count.Of(n, "upstream"))
	}
	return nil
}
