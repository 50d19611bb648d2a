package status

import (
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// reportStatus is the latest load report of an endpoint.
type reportStatus struct {
	Utilization       float64 `json:"utilization"`
	RequestsPerSecond float64 `json:"requests_per_second"`
	ErrorsPerSecond   float64 `json:"errors_per_second"`

	// AgeSeconds is how long ago it came.
	AgeSeconds float64 `json:"age_seconds"`
}

func newReportStatus(e *endpoint.Endpoint, now load.Instant) *reportStatus {
	r, at := e.LatestReport(now)
	if r == nil {
		return nil
	}
	return &reportStatus{r.Utilization, r.Requests, r.Errors, now.Sub(at).Seconds()}
}
