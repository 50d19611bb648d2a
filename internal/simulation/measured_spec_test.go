package simulation

import (
	"maps"
	"slices"
	"testing"
)

func TestARehearsalFindsThePoliciesOfAllThresholds(t *testing.T) {
	for _, tt := range []struct {
		scenario scenario
		want     []string
	}{
		{buoyant, []string{"adaptive_latency", "least_conn", "random_choose 2", "round_robin"}},
		{fewPolls, []string{"adaptive_latency", "least_conn", "oracle"}},
	} {
		if got := slices.Sorted(maps.Keys(tt.scenario.referred(t))); !slices.Equal(got, tt.want) {
			t.Errorf("%s: the thresholds refer to %q; expected %q", tt.scenario.name, got, tt.want)
		}
	}
}
