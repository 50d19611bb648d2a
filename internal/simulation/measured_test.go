package simulation

import (
	"runtime"
	"slices"
	"sync"
	"testing"
)

// measured is what came of a scenario.
type measured struct {
	scenario  *scenario
	summaries map[string][]summary // by policy, one per seed
}

// measure runs every policy with every seed, seed by seed so that all policies feel alike what else the machine does.
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

func (s *scenario) runs() (all []*run) {
	for seed := range max(s.seeds, *seedsFlag) {
		for _, p := range s.contenders() {
			if seed < s.seedsFor(p) {
				all = append(all, &run{scenario: s, policy: p, seed: uint64(seed)})
			}
		}
	}
	return all
}

func collect(runs []*run, summaries []*summary) map[string][]summary {
	all := make(map[string][]summary)
	for i, r := range runs {
		if summaries[i] != nil {
			all[r.policy.name] = append(all[r.policy.name], *summaries[i])
		}
	}
	return all
}

// atMost checks a median over the seeds.
func (m measured) atMost(t *testing.T, policy string, of metric, bound float64) {
	t.Helper()
	if got, ok := m.median(t, policy, of); ok && got > bound {
		t.Errorf("%s: %s is %.5g; expected at most %.5g", policy, of.name, got, bound)
	}
}

// atLeast checks a median over the seeds.
func (m measured) atLeast(t *testing.T, policy string, of metric, bound float64) {
	t.Helper()
	if got, ok := m.median(t, policy, of); ok && got < bound {
		t.Errorf("%s: %s is %.5g; expected at least %.5g", policy, of.name, got, bound)
	}
}

func (m measured) between(t *testing.T, policy string, of metric, low, high float64) {
	t.Helper()
	m.atLeast(t, policy, of, low)
	m.atMost(t, policy, of, high)
}

// atMostTimes checks a median over the seeds against that of another policy.
func (m measured) atMostTimes(t *testing.T, policy string, of metric, factor float64, other string) {
	t.Helper()
	got, ok := m.median(t, policy, of)
	against, known := m.median(t, other, of)
	if ok && known && got > factor*against {
		t.Errorf("%s: %s is %.5g, %.3f times the %.5g of %s; expected at most %.3g times", policy, of.name, got, got/against, against, other, factor)
	}
}

// never checks every seed.
func (m measured) never(t *testing.T, policy string, of metric) {
	t.Helper()
	for _, s := range m.summaries[policy] {
		if got := of.of(s); got > 0 {
			t.Errorf("%s: %s is %.5g with some seed; expected 0", policy, of.name, got)
		}
	}
}

// median is not ok if the policy was left out of a brief run, or if it failed, which the run itself has reported.
func (m measured) median(t *testing.T, name string, of metric) (value float64, ok bool) {
	t.Helper()
	if !slices.ContainsFunc(m.scenario.contenders(), func(p policy) bool { return p.name == name }) {
		t.Fatalf("%s does not take part in this scenario", name)
	}
	if len(m.summaries[name]) == 0 {
		return 0, false
	}
	return median(m.summaries[name], of), true
}
