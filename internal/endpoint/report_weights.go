package endpoint

import (
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

const (
	// reportStep is the time between two looks at the load reports (gRFC A58).
	reportStep = time.Second

	// maxReportRatio bounds a reported weight, as a multiple and as a part of the median. Of ten
	// endpoints, one that claims to be idle whatever it gets then draws at most a third of the
	// requests. A mean would follow such an endpoint.
	maxReportRatio = 4
)

// applyReports distributes the weight of all endpoints whose load reports count among them, in
// proportion to the rate that each would serve at full utilization. What the source says of the
// others stands, so that they have the mean where all weights are equal.
func (r Rules) applyReports(members []Member, eligible []eligibility) {
	if !r.LoadReports {
		return
	}
	var known []int
	var rates []float64
	var sum float64
	for i := range members {
		rate := members[i].adoptedReport()
		if rate > 0 && eligible[i].usable() && !r.weightIsSet(&members[i]) {
			known, rates = append(known, i), append(rates, rate)
			sum += eligible[i].weight
		}
	}
	total := boundRates(rates)
	for j, i := range known {
		eligible[i].weight = sum * rates[j] / total
	}
}

// adoptReports makes the latest load reports of the members those that shares are computed with, if
// they differ enough. reporting says that the weights may change without further events. Only the
// roster of a whole pool does that: its subsets go by the same reports.
func (r Rules) adoptReports(members []Member, now load.Instant) (reporting bool) {
	if !r.LoadReports {
		return false
	}
	for i := range members {
		reporting = members[i].adoptReports(now) || reporting
	}
	return reporting
}

// weightIsSet reports whether an operator, or the endpoint itself by its agent, has set the weight.
func (r Rules) weightIsSet(m *Member) bool {
	o, a := m.Override(), r.advice(m)
	return o != nil && o.Weight != nil || a.Weight != nil || a.Percent != nil
}

// boundRates makes rates multiples of their median, brings them near to it, and returns their sum.
// A sum of the rates themselves may overflow, because endpoints may claim anything.
func boundRates(rates []float64) (sum float64) {
	if len(rates) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(rates))
	median := sorted[(len(sorted)-1)/2] // of two, the lower one: the other may claim anything
	for i := range rates {
		rates[i] = min(max(rates[i]/median, 1./maxReportRatio), maxReportRatio)
		sum += rates[i]
	}
	return sum
}

// restartReports makes endpoints that begin to serve again start over, because most of them were
// restarted.
func restartReports(members []Member, old *Snapshot) {
	for i := range members {
		if before := old.Find(members[i].Address()); before == nil || before.Weight == 0 {
			members[i].forgetReports()
		}
	}
}
