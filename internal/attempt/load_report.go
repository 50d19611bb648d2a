package attempt

import (
	"net/http"

	"github.com/caddy-balance/caddy-balance/internal/load"
	"github.com/caddy-balance/caddy-balance/internal/loadreport"
)

// takeReport removes the endpoint's load report from an answer, so that clients do not see it, and
// records it. The names of trailers that are announced go too, and takeTrailer looks for more.
func (a *Attempt) takeReport(res *http.Response, now load.Instant) {
	if !a.endpoint.TakesReports() {
		return
	}
	if r, found, err := loadreport.Take(res.Header); found {
		a.endpoint.Report(r, err, now)
	}
	_, _, _ = loadreport.Take(res.Trailer)
	a.reporting = res
}

// takeTrailer is takeReport for what came after the body. Only the goroutine that reads the body
// calls it.
func (a *Attempt) takeTrailer() {
	if a.reporting == nil {
		return
	}
	if r, found, err := loadreport.Take(a.reporting.Trailer); found {
		a.endpoint.Report(r, err, load.Now())
	}
	a.reporting = nil
}
