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
	if brief() {
		t.Skip("a brief run has one seed")
	}
	for _, n := range []int{1, 2, 5} {
		s := scenario{seeds: n, policies: []policy{{name: "a", ours: true}}}
		var got []uint64
		for _, r := range slices.Concat(s.runs(firstSeeds, nil), s.runs(moreSeeds, nil)) {
			got = append(got, r.seed)
		}
		for i, seed := range got {
			if seed != uint64(i) {
				t.Fatalf("with %d seeds, run %d has seed %d; expected each seed once, in turn", n, i, seed)
			}
		}
		if len(got) < 16 || len(got) < 4*n {
			t.Errorf("with %d seeds, all runs are %d; expected 16, and four times as many", n, len(got))
		}
	}
}

func TestAPolicyThatDoesNotRunHasNoMoreSeeds(t *testing.T) {
	if from, to := moreSeeds(0); from != to {
		t.Errorf("seeds %d to %d are to run; expected none", from, to)
	}
}
