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

func TestMoreSeedsAreOthersThanTheFirst(t *testing.T) {
	s := scenario{seeds: 2, policies: []policy{{name: "a", ours: true}}}
	if brief() {
		t.Skip("a brief run has one seed")
	}
	for _, tt := range []struct {
		from, to int
		want     []uint64
	}{{0, 1, []uint64{0, 1}}, {1, 3, []uint64{2, 3, 4, 5}}} {
		var got []uint64
		for _, r := range s.runs(tt.from, tt.to, nil) {
			got = append(got, r.seed)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("from %d to %d: the seeds are %v; expected %v", tt.from, tt.to, got, tt.want)
		}
	}
}
