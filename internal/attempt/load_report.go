package attempt

import (
	"net/http"
	"net/http/httptrace"
	"net/textproto"

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

// hideEarlyReports removes load reports from informational responses, such as 103. They are not
// recorded, because the answer that follows has one. Caddy makes a trace for each attempt, which
// passes these responses on to the client.
func (a *Attempt) hideEarlyReports(req *http.Request) {
	if !a.endpoint.TakesReports() {
		return
	}
	trace := httptrace.ContextClientTrace(req.Context())
	if trace == nil || trace.Got1xxResponse == nil {
		return
	}
	pass := trace.Got1xxResponse
	trace.Got1xxResponse = func(status int, header textproto.MIMEHeader) error {
		_, _, _ = loadreport.Take(http.Header(header))
		return pass(status, header)
	}
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
