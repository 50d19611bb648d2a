package simulation

import (
	"slices"
	"testing"
)

// scenarios are in the order of the tables in docs/performance.md.
var scenarios = slices.Concat(classic, ordinarySites, evenErrorsMore, sizes, byWeight, hedging, overloads)

// classic are those that compare endpoints that differ, or fail.
var classic = []scenario{
	buoyant, speeds, speedsOneProxy, alike, alikeHundred, pauses, pausesOneProxy, antagonists,
	hole, refused, newcomer, weights, keys, sessionsBySpeed, splitHalves,
	holeEjected, oneDown, halfDown, checksFail, deploy, cold,
}

// ordinarySites are those of everyday traffic. One of them has all kinds of requests.
var ordinarySites = slices.Concat(
	variants(fewPolls, manyPolls, pollsOneSlow, evenErrors, badRoute),
	[]scenario{idleWebsockets},
	variants(idleStreams, idleDownloads, idleUploads, silentStreams),
	[]scenario{stalledUploads},
	variants(manyPaths, oneMethod, badRouteAtOne, databaseDown, fewRequests),
	[]scenario{allAmongAlike},
	variants(hungAmongAll, slowBehindEight, thousandEndpoints),
)

// sizes are everyday traffic with other numbers of proxies and endpoints.
var sizes = variants(antagonistsEight, twoProxies, eightProxies, twentyProxies, twoEndpoints, slowOfTwo,
	smallFleet, smallFleetAlike, tenThousandEndpoints)

// byWeight are those of the policies that go by weights, limits and counts alone.
var byWeight = slices.Concat(
	[]scenario{weightsMixed, leastConnAlike},
	variants(leastConnAmongAll, leastConnThousand, chance),
	[]scenario{filling},
	variants(fillingMixed),
)

// variants marks scenarios as variants.
func variants(all ...scenario) []scenario {
	for i := range all {
		all[i].variant = true
	}
	return all
}

// TestBalance runs every scenario and checks its thresholds, unless -policy chooses other policies.
// The race detector gets a tenth of the load, for which no threshold holds.
func TestBalance(t *testing.T) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) {
			if s.variant && raceEnabled {
				t.Skip("the race detector has nothing to find that it does not find in another scenario")
			}
			m := measure(t, &s)
			if len(policiesFlag) == 0 && !raceEnabled {
				m.check(t)
			}
			report.add(&s, m)
		})
	}
}
