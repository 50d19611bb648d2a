package simulation

import (
	"runtime"
	"slices"
	"sync"
	"testing"
)

// measured is the result of a scenario.
type measured struct {
	scenario  *scenario
	summaries map[string][]summary // by policy, one per seed
}

// measure runs every policy with every seed. It goes seed by seed, because then other load on the
// machine affects all policies alike.
func measure(t *testing.T, s *scenario) measured {
	runs := s.runs()
	summaries := make([]*summary, len(runs))
	slots := make(chan struct{}, runtime.GOMAXPROCS(0))
	var pending sync.WaitGroup
	for i, r := range runs {
		slots <- struct{}{}
		pending.Go(func() {
			defer func() { <-slots }()
			r.do(t) // ends this goroutine if the policy does not load
			done := r.summary()
			summaries[i] = &done
		})
	}
	pending.Wait()
	return measured{s, collect(runs, summaries)}
}

// runs returns one run for each seed and policy.
func (s *scenario) runs() (all []*run) {
	for seed := range max(s.seeds, *seedsFlag) {
		for _, p := range s.selectedPolicies() {
			if seed < s.seedsFor(p) {
				all = append(all, &run{scenario: s, policy: p, seed: uint64(seed)})
			}
		}
	}
	return all
}

// collect sorts the summaries by policy. A run whose policy did not load has none.
func collect(runs []*run, summaries []*summary) map[string][]summary {
	all := make(map[string][]summary)
	for i, r := range runs {
		if summaries[i] != nil {
			all[r.policy.name] = append(all[r.policy.name], *summaries[i])
		}
	}
	return all
}

// atMost checks the upper bound of a median over the seeds.
func (m measured) atMost(t *testing.T, policy string, of metric, bound float64) {
	t.Helper()
	if got, ok := m.median(t, policy, of); ok && got > bound {
		t.Errorf("%s: %s is %.5g; expected at most %.5g", policy, of.name, got, bound)
	}
}

// atLeast checks the lower bound of a median over the seeds.
func (m measured) atLeast(t *testing.T, policy string, of metric, bound float64) {
	t.Helper()
	if got, ok := m.median(t, policy, of); ok && got < bound {
		t.Errorf("%s: %s is %.5g; expected at least %.5g", policy, of.name, got, bound)
	}
}

// between checks both bounds of a median over the seeds.
func (m measured) between(t *testing.T, policy string, of metric, low, high float64) {
	t.Helper()
	m.atLeast(t, policy, of, low)
	m.atMost(t, policy, of, high)
}

// atMostTimes checks that a median over the seeds is at most factor times that of another policy.
func (m measured) atMostTimes(t *testing.T, policy string, of metric, factor float64, other string) {
	t.Helper()
	got, ok := m.median(t, policy, of)
	against, known := m.median(t, other, of)
	if ok && known && got > factor*against {
		t.Errorf("%s: %s is %.5g, %.3f times the %.5g of %s; expected at most %.3g times", policy, of.name, got, got/against, against, other, factor)
	}
}

// never checks that a metric is 0 with every seed.
func (m measured) never(t *testing.T, policy string, of metric) {
	t.Helper()
	for _, s := range m.summaries[policy] {
		if got := of.of(s); got > 0 {
			t.Errorf("%s: %s is %.5g with some seed; expected 0", policy, of.name, got)
		}
	}
}

// median is not ok if a brief run left the policy out, or if the run failed, which it has reported
// itself.
func (m measured) median(t *testing.T, name string, of metric) (value float64, ok bool) {
	t.Helper()
	if !slices.ContainsFunc(m.scenario.selectedPolicies(), func(p policy) bool { return p.name == name }) {
		t.Fatalf("%s does not take part in this scenario", name)
	}
	if len(m.summaries[name]) == 0 {
		return 0, false
	}
	return median(m.summaries[name], of), true
}
