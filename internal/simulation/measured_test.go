package simulation

import (
	"runtime"
	"sync"
	"testing"
)

// measured is what came of a scenario: for each policy, one summary per seed.
type measured map[string][]summary

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
	return collect(runs, summaries)
}

func (s *scenario) runs() (all []*run) {
	for seed := range s.seedCount() {
		for _, p := range s.policies() {
			all = append(all, &run{scenario: s, policy: p, seed: uint64(seed)})
		}
	}
	return all
}

func (s *scenario) seedCount() int {
	switch {
	case *seedsFlag > 0:
		return *seedsFlag
	case raceEnabled:
		return 1
	}
	return s.seeds
}

func collect(runs []*run, summaries []*summary) measured {
	m := make(measured)
	for i, r := range runs {
		if summaries[i] != nil {
			m[r.policy.name] = append(m[r.policy.name], *summaries[i])
		}
	}
	return m
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

func (m measured) median(t *testing.T, policy string, of metric) (float64, bool) {
	t.Helper()
	if len(m[policy]) == 0 {
		t.Errorf("%s: no run came to an end", policy)
		return 0, false
	}
	return median(m[policy], of), true
}
