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
	referred  map[string]bool      // nil unless the thresholds are rehearsed; the policies that they refer to
	missed    *int                 // nil if a threshold that is missed is a failure; how many are missed
}

// measure runs every policy with every seed.
func measure(t *testing.T, s *scenario) measured {
	m := measured{scenario: s, summaries: make(map[string][]summary)}
	m.add(runAll(t, s.runs(firstSeeds, s.referred(t))))
	return m
}

// seedRange returns which seeds to run of a policy that takes n.
type seedRange func(n int) (from, to int)

func firstSeeds(n int) (from, to int) { return 0, n }

// moreSeeds are several times as many, and not fewer than a median needs whose single runs differ
// by a tenth: with two endpoints, one run in eight misses a threshold of 3 % that the median is far
// below.
func moreSeeds(n int) (from, to int) {
	if n == 0 {
		return 0, 0
	}
	return n, max(4*n, 16)
}

// check checks the thresholds. A few seeds miss one of hundreds by chance, because policies draw at
// random too. That is a failure only if the medians over more seeds, the first ones included, miss
// one as well.
func (m measured) check(t *testing.T) {
	var missed int
	first := m
	first.missed = &missed
	m.scenario.check(t, first)
	if missed == 0 {
		return
	}
	if *seedsFlag == 0 {
		m.add(runAll(t, m.scenario.runs(moreSeeds, m.scenario.referred(t))))
	}
	m.scenario.check(t, m)
}

// runAll does runs, as many at a time as there are processors. Those of a seed follow one another,
// because then other load on the machine affects all policies alike. A run whose policy does not
// load has no summary.
func runAll(t *testing.T, runs []*run) ([]*run, []*summary) {
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
	return runs, summaries
}

// add adds summaries of runs.
func (m measured) add(runs []*run, summaries []*summary) {
	for i, r := range runs {
		if summaries[i] != nil {
			m.summaries[r.policy.name] = append(m.summaries[r.policy.name], *summaries[i])
		}
	}
}

// referred returns the policies that the thresholds of a scenario refer to. It rehearses the
// thresholds without results.
func (s *scenario) referred(t *testing.T) map[string]bool {
	m := measured{scenario: s, referred: make(map[string]bool)}
	if len(policiesFlag) == 0 {
		s.check(t, m)
	}
	return m.referred
}

// runs returns one run for each policy and each of its seeds in the range. A seed has the runs of
// all policies next to each other.
func (s *scenario) runs(seeds seedRange, referred map[string]bool) (all []*run) {
	_, end := seeds(max(s.seeds, *seedsFlag))
	for seed := range end {
		for _, p := range s.selectedPolicies() {
			if from, to := seeds(s.seedsFor(p, referred[p.name])); from <= seed && seed < to {
				all = append(all, &run{scenario: s, policy: p, seed: uint64(seed), thin: raceEnabled})
			}
		}
	}
	return all
}

// miss says that a threshold is missed.
func (m measured) miss(t *testing.T, format string, values ...any) {
	t.Helper()
	if m.missed == nil {
		t.Errorf(format, values...)
		return
	}
	*m.missed++
	t.Logf("with the first seeds, "+format, values...)
}

// atMost checks the upper bound of a median over the seeds.
func (m measured) atMost(t *testing.T, policy string, of metric, bound float64) {
	t.Helper()
	if got, ok := m.median(t, policy, of); ok && got > bound {
		m.miss(t, "%s: %s is %.5g; expected at most %.5g", policy, of.name, got, bound)
	}
}

// atLeast checks the lower bound of a median over the seeds.
func (m measured) atLeast(t *testing.T, policy string, of metric, bound float64) {
	t.Helper()
	if got, ok := m.median(t, policy, of); ok && got < bound {
		m.miss(t, "%s: %s is %.5g; expected at least %.5g", policy, of.name, got, bound)
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
		m.miss(t, "%s: %s is %.5g, %.3f times the %.5g of %s; expected at most %.3g times", policy, of.name, got, got/against, against, other, factor)
	}
}

// never checks that a metric is 0 with every seed.
func (m measured) never(t *testing.T, policy string, of metric) {
	t.Helper()
	m.refer(t, policy)
	for _, s := range m.summaries[policy] {
		if got := of.of(s); got > 0 {
			m.miss(t, "%s: %s is %.5g with some seed; expected 0", policy, of.name, got)
		}
	}
}

// median is not ok in a rehearsal, if a brief run left the policy out, or if the run failed, which
// it has reported itself.
func (m measured) median(t *testing.T, name string, of metric) (value float64, ok bool) {
	t.Helper()
	m.refer(t, name)
	if len(m.summaries[name]) == 0 {
		if m.referred == nil && !brief() && !t.Failed() {
			t.Errorf("%s did not run, because a rehearsal of the thresholds did not refer to it", name)
		}
		return 0, false
	}
	return median(m.summaries[name], of), true
}

// refer notes in a rehearsal that a threshold refers to a policy.
func (m measured) refer(t *testing.T, name string) {
	t.Helper()
	if !slices.ContainsFunc(m.scenario.selectedPolicies(), func(p policy) bool { return p.name == name }) {
		t.Fatalf("%s does not take part in this scenario", name)
	}
	if m.referred != nil {
		m.referred[name] = true
	}
}
