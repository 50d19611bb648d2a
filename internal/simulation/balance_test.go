package simulation

import "testing"

// scenarios are in the order of the tables in docs/performance.md.
var scenarios = []scenario{
	buoyant, speeds, speedsOneProxy, alike, alikeHundred, pauses, pausesOneProxy, antagonists,
	hole, refused, newcomer, weights, keys,
	fewPolls, manyPolls, oneSlow, evenErrors,
	holeEjected, oneDown, halfDown, checksFail, deploy, cold,
}

// TestBalance runs every scenario and checks its thresholds, unless -policy chooses other policies.
func TestBalance(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			m := measure(t, &s)
			report.add(&s, m)
			if len(policiesFlag) == 0 {
				s.check(t, m)
			}
		})
	}
}
