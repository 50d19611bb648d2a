package simulation

import (
	"slices"
	"testing"
)

// scenarios are in the order of the tables in docs/performance.md.
var scenarios = slices.Concat(classic, ordinarySites, evenErrorsMore)

// classic are those that compare endpoints that differ, or fail.
var classic = []scenario{
	buoyant, speeds, speedsOneProxy, alike, alikeHundred, pauses, pausesOneProxy, antagonists,
	hole, refused, newcomer, weights, keys,
	holeEjected, oneDown, halfDown, checksFail, deploy, cold,
}

// ordinarySites are those of everyday traffic.
var ordinarySites = []scenario{
	fewPolls, manyPolls, pollsOneSlow, evenErrors, badRoute,
	idleWebsockets, silentStreams, stalledUploads, manyPaths, oneMethod, badRouteAtOne,
	allAmongAlike, hungAmongAll,
	twoProxies, eightProxies, twentyProxies, slowBehindEight,
	twoEndpoints, slowOfTwo, thousandEndpoints, tenThousandEndpoints,
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
