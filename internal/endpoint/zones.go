package endpoint

import "slices"

// zoneShares splits the share of a tier among the zones of its serving members, given the weight of
// each zone, for a proxy in one of them.
//
// The proxy's own zone gets everything as long as it can carry its fair part. If proxies and
// clients are spread evenly over n zones, each zone has to carry 1/n of the whole. A zone with a
// smaller part c of all weight keeps c·n, and the rest goes to the zones that have more than their
// fair part, in proportion to what they have above it. This is Envoy's zone-aware routing. Envoy
// knows the number of proxies in each zone; here it is taken to be equal.
func zoneShares(weights map[string]float64, own string) map[string]float64 {
	var total float64
	for _, w := range weights {
		total += w
	}
	shares := make(map[string]float64, len(weights))
	fair := total / float64(len(weights))
	if weights[own] >= fair {
		shares[own] = 1
		return shares
	}
	shares[own] = weights[own] / fair
	var over float64
	for zone, w := range weights {
		if zone != own && w > fair {
			over += w - fair
		}
	}
	for zone, w := range weights {
		if zone != own && w > fair {
			shares[zone] = (1 - shares[own]) * (w - fair) / over
		}
	}
	return shares
}

// zonesOf returns the weight of the serving members of each zone, and the zones with the own one
// first. The order of the others does not depend on their shares, because hash policies map keys to
// bands by it.
func zonesOf(
	members []Member, eligible []eligibility, serving []int, own string,
) (weights map[string]float64, order []string) {
	weights = make(map[string]float64)
	for _, i := range serving {
		zone := members[i].Info.Zone
		if _, ok := weights[zone]; !ok {
			order = append(order, zone)
		}
		weights[zone] += eligible[i].weight
	}
	slices.Sort(order)
	if i := slices.Index(order, own); i > 0 {
		order = slices.Insert(slices.Delete(order, i, i+1), 0, own)
	}
	return weights, order
}
