package simulation

import "testing"

var scenarios = []scenario{
	buoyant, speeds, speedsOneProxy, alike, alikeHundred, pauses, pausesOneProxy, antagonists, hole, refused, newcomer, weights, keys,
	holeEjected, oneDown, halfDown, checksFail, deploy, cold,
}

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
