package lbpolicy

import (
	"fmt"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// BenchmarkPickOfASplit measures what a group costs beside the pick of its policy, which is the
// second one.
func BenchmarkPickOfASplit(b *testing.B) {
	for _, n := range listSizes {
		roster := newRoster(b, infos(n))
		guest := new(WeightedRandom)
		guest.algorithm = guest
		split := &Split{Groups: []SplitGroup{{Name: "stable", guest: guest}, {
			Name: "canary", guest: guest, Match: map[string]string{"version": "v2"}, Share: new(float64),
		}}}
		split.rollout = newRollout(split.Groups, 0, nil)
		for name, p := range map[string]endpoint.Policy{"split": split, "weighted_random": guest} {
			picker := p.NewPicker(roster, nil)
			b.Run(fmt.Sprintf("policy=%s/endpoints=%d", name, n), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					picker.Pick(nil)
				}
			})
			picker.Stop()
		}
	}
}
