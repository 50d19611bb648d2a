package lbpolicy

import (
	"fmt"
	"math"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// groupEvidence is how often something happened to a group and to the standard, on one route or on
// several.
//
// Of all that happened on a route, the part of the group is a matter of chance: if it happens to a
// request of the group as often as to one of the standard, that part is the group's part of the
// requests (Przyborowski and Wilenski, 1940). So the test needs no rate that is known beforehand,
// and few data make a wide range of chance by themselves. Over several routes, the sum of such
// parts varies less than one binomial variable with their mean part (Hoeffding, 1956).
type groupEvidence struct {
	group, all, expected float64 // how often it happened, and the group's fair part of that
	requests             float64 // of the group
	standard             float64 // how often it would have happened to the standard with these requests
	route                string  // that of the evidence, or the one with the largest excess
	excess               float64 // on that route
}

// routeEvidence returns the evidence of a route: how often it happened, among how many requests. It
// is fair if it happens to the group factor times as often.
func routeEvidence(route string, group, requests, standard, standardRequests, factor float64) groupEvidence {
	fair := factor * requests / (factor*requests + standardRequests)
	e := groupEvidence{
		group: group, all: group + standard, expected: (group + standard) * fair, requests: requests,
		standard: requests * standard / standardRequests, route: route,
	}
	e.excess = e.group - e.expected
	return e
}

func (e *groupEvidence) add(o groupEvidence) {
	if o.excess > e.excess || e.route == "" {
		e.route, e.excess = o.route, o.excess
	}
	e.group += o.group
	e.all += o.all
	e.expected += o.expected
	e.requests += o.requests
	e.standard += o.standard
}

// ratio returns the share of the group's requests to which it happened.
func (e *groupEvidence) ratio() float64 { return e.group / max(e.requests, 1) }

// strongest returns the evidence that is hardly chance, of all routes together or of one of them,
// and whether there is any. What happens at one route alone may drown among the others. The chance
// is divided among the tests (Bonferroni), and a ratio up to least says nothing.
func strongest(routes []groupEvidence, chance, least float64) (found groupEvidence, any bool) {
	var together groupEvidence
	for i := range routes {
		together.add(routes[i])
	}
	if together.ratio() > least && together.byChance() <= chance/2 {
		return together, true
	}
	for i := range routes {
		if e := &routes[i]; e.ratio() > least && e.byChance() <= chance/2/float64(len(routes)) {
			return *e, true
		}
	}
	return groupEvidence{}, false
}

// byChance returns the probability that a group as bad as is fair has this share of what happened,
// or a larger one.
func (e *groupEvidence) byChance() float64 {
	if e.all == 0 {
		return 1
	}
	return binomialTail(e.group, e.all, e.expected/e.all)
}

// binomialTail returns the probability of k or more of n, where each has the probability p.
func binomialTail(k, n, p float64) float64 {
	if k <= n*p {
		return 1 // a half or more, which is no evidence
	}
	logTerm := func(i float64) float64 {
		return logGamma(n+1) - logGamma(i+1) - logGamma(n-i+1) + i*math.Log(p) + (n-i)*math.Log1p(-p)
	}
	term := math.Exp(logTerm(k))
	sum := term
	for i := k; i < n && term > sum*1e-9; i++ { // beyond the mean, the terms only fall
		term *= (n - i) / (i + 1) * p / (1 - p)
		sum += term
	}
	return min(sum, 1)
}

func logGamma(x float64) float64 {
	value, _ := math.Lgamma(x)
	return value
}

// judge returns why a group is worse than the standard, "" if it is not, or if there is too little
// data, which enough reports.
func (g *SplitGuard) judge(routes []routeCounts, standard string) (why string, enough bool) {
	var answers, others uint64
	for i := range routes {
		answers += routes[i].group.answers
		others += routes[i].standard.answers
	}
	if enough = answers >= uint64(g.MinRequests) && others >= uint64(g.MinRequests); !enough {
		return "", false
	}
	if why = g.judgeErrors(routes, standard); why == "" {
		why = g.judgeTimes(routes, standard)
	}
	return why, true
}

func (g *SplitGuard) judgeErrors(routes []routeCounts, standard string) string {
	if g.Errors < 0 {
		return ""
	}
	all := make([]groupEvidence, len(routes))
	for i := range routes {
		r := &routes[i]
		answers, errors := float64(r.standard.answers), float64(r.standard.errors)
		factor := g.Errors
		if errors > 0 {
			factor = min(factor, answers/errors) // no ratio is more than the whole
		}
		all[i] = routeEvidence(r.name, float64(r.group.errors), float64(r.group.answers), errors, answers, factor)
	}
	e, worse := strongest(all, g.chance(), minErrorRatio)
	if !worse {
		return ""
	}
	return fmt.Sprintf("%.3g %% of its %.0f answers are errors, and %.3g %% of those of group %s "+
		"to the same requests; most at %s", 100*e.ratio(), e.requests, 100*e.standard/e.requests, standard, e.route)
}

// judgeTimes compares how many answers are slower than factor times the standard's p99 of their
// route. Of the standard's own answers, one in a hundred is slower than its p99.
func (g *SplitGuard) judgeTimes(routes []routeCounts, standard string) string {
	if g.P99 < 0 {
		return ""
	}
	var all []groupEvidence
	for i := range routes {
		r := &routes[i]
		n, others := float64(r.group.times.Count()), float64(r.standard.times.Count())
		if n > 0 && others >= minRouteCompared {
			slow := above(&r.group.times, slowFrom(&r.standard.times, g.P99))
			all = append(all, routeEvidence(r.name, slow, n, others/100, others, 1))
		}
	}
	e, worse := strongest(all, g.chance(), .01)
	if !worse {
		return ""
	}
	return fmt.Sprintf("%.3g %% of its %.0f answers take more than %.3g times the p99 of group %s "+
		"on their routes; most at %s",
		100*e.ratio(), e.requests, g.P99, standard, e.route)
}

// slowFrom returns the time in seconds from which on an answer is slow: factor times the p99, and
// longer than that by the minimum.
func slowFrom(t *load.Times, factor float64) float64 {
	p99 := p99Of(t)
	return max(p99*factor, p99+minSlower.Seconds())
}

// p99Of returns the time in seconds that one in a hundred exceeds. Within a bucket, the logarithms
// of times are taken to be spread evenly: buckets are a fifth wide, which is too coarse.
func p99Of(t *load.Times) float64 {
	left := float64(t.Count()) / 100
	for bucket := load.BucketCount - 1; bucket >= 0; bucket-- {
		n := float64(t.Buckets[bucket])
		if n > left {
			return load.EndOf(bucket) * math.Exp2(-left/n/load.PerDoubling)
		}
		left -= n
	}
	return 0
}

// above returns the number of times that are longer than a number of seconds.
func above(t *load.Times, seconds float64) (n float64) {
	for bucket := load.BucketCount - 1; bucket >= 0 && load.EndOf(bucket) > seconds; bucket-- {
		part := min(1, math.Log2(load.EndOf(bucket)/seconds)*load.PerDoubling)
		n += part * float64(t.Buckets[bucket])
	}
	return n
}
