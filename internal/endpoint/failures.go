package endpoint

import (
	"cmp"
	"slices"
)

// FailureCount is why checks fail, and at how many endpoints.
type FailureCount struct {
	// Reason is the reason of the last failed check, and the probe if there are several.
	Reason string `json:"reason"`

	// Endpoints is the number of endpoints.
	Endpoints int `json:"endpoints"`
}

// Failures returns the number of endpoints whose checks fail, and the reasons, the commonest first.
func (r *Roster) Failures() (endpoints int, reasons []FailureCount) {
	if r.rules.Watched&ProbeFailed == 0 {
		return 0, nil // verdicts may be left from an earlier definition
	}
	members := r.Snapshot().Members
	counts := make(map[string]int)
	for i := range members {
		failures := members[i].failures()
		endpoints += min(1, len(failures))
		for _, reason := range failures {
			counts[reason]++
		}
	}
	for reason, n := range counts {
		reasons = append(reasons, FailureCount{reason, n})
	}
	slices.SortFunc(reasons, func(a, b FailureCount) int {
		return cmp.Or(cmp.Compare(b.Endpoints, a.Endpoints), cmp.Compare(a.Reason, b.Reason))
	})
	return endpoints, reasons
}

// failures returns why the probes of the endpoint fail, none if it passes.
func (e *Endpoint) failures() (reasons []string) {
	v := e.Verdict()
	if v == nil || !e.Is(ProbeFailed) {
		return nil
	}
	for i := range v.Probes {
		if p := &v.Probes[i]; p.Fails() {
			reasons = append(reasons, v.Named(i, p.Last.Reason))
		}
	}
	return reasons
}

// Named puts the name of a probe before a text, if the verdict is of several probes.
func (v *Verdict) Named(position int, text string) string {
	if len(v.Probes) == 1 {
		return text
	}
	return "probe " + v.Probes[position].Name + ": " + text
}
