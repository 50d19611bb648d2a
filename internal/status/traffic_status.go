package status

import (
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// trafficStatus is what has happened at an endpoint since the pool knows it.
type trafficStatus struct {
	Picks uint64 `json:"picks"`

	// Attempts that have ended, by what they say of the endpoint.
	Worked  uint64 `json:"worked"`
	Failed  uint64 `json:"failed"`
	Nothing uint64 `json:"nothing"`

	// Reasons has the attempts that did not work by their reason.
	Reasons map[string]uint64 `json:"reasons,omitempty"`

	// P50Seconds and P99Seconds are times to first byte; 0 if there was no answer.
	P50Seconds float64 `json:"p50_seconds"`
	P99Seconds float64 `json:"p99_seconds"`
}

// newTrafficStatus reads the counts of an endpoint. totals is room for them, because they are
// large.
func newTrafficStatus(e *endpoint.Endpoint, totals *endpoint.Totals) trafficStatus {
	*totals = endpoint.Totals{}
	e.AddTotals(totals)
	status := trafficStatus{Picks: totals.Picks}
	for i, n := range totals.Endings {
		if n > 0 {
			status.add(endpoint.Ending(i), n)
		}
	}
	if count := totals.FirstByte.Count(); count > 0 {
		status.P50Seconds = quantileOf(&totals.FirstByte, count, .5)
		status.P99Seconds = quantileOf(&totals.FirstByte, count, .99)
	}
	return status
}

func (s *trafficStatus) add(ending endpoint.Ending, n uint64) {
	switch ending.Outcome() {
	case "worked":
		s.Worked += n
		return
	case "failed":
		s.Failed += n
	default:
		s.Nothing += n
	}
	if s.Reasons == nil {
		s.Reasons = make(map[string]uint64)
	}
	s.Reasons[ending.Reason()] += n
}

// quantileOf returns the time, in seconds, that a share of the times does not exceed.
func quantileOf(times *load.Times, count uint64, share float64) float64 {
	want := share * float64(count)
	below := 0.
	for i, n := range times.Buckets {
		if below+float64(n) >= want && n > 0 {
			return withinBucket(i, (want-below)/float64(n))
		}
		below += float64(n)
	}
	return 0
}
