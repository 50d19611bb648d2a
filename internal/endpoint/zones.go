package endpoint

import "slices"

// zoneShares splits the load of a tier among the zones of its serving members, given by their weights, for a proxy in
// one of them.
//
// The own zone gets everything as long as it can carry its fair part: if proxies and their clients are spread
// evenly over n zones, each zone has to carry a part of 1/n of the whole. With a part c of all weight, less than
// that, it keeps c·n, and the rest goes to zones that have more than their part, in proportion to what
// they have more (Envoy's zone-aware routing, which knows the number of proxies in each zone
// where we take it to be equal).
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

// zonesOf are the weights of serving members by zone, and the zones, the own one first. Their order does not
// follow the shares: hash policies place keys by it.
func zonesOf(members []Member, standings []eligibility, serving []int, own string) (weights map[string]float64, order []string) {
	weights = make(map[string]float64)
	for _, i := range serving {
		zone := members[i].Info.Zone
		if _, ok := weights[zone]; !ok {
			order = append(order, zone)
		}
		weights[zone] += standings[i].weight
	}
	slices.Sort(order)
	if i := slices.Index(order, own); i > 0 {
		order = slices.Insert(slices.Delete(order, i, i+1), 0, own)
	}
	return weights, order
}
