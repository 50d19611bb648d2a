package endpoint

import (
	"math"
	"sync/atomic"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
	"github.com/caddy-balance/caddy-balance/internal/loadreport"
)

// The times are the defaults of gRFC A58.
const (
	// reportBlackout is how long an endpoint must have reported before its reports count. The first
	// ones are of a process with empty caches and hardly any requests.
	reportBlackout = 10 * time.Second

	// reportExpiry is how long a report counts. The blackout begins again with the next report.
	reportExpiry = 3 * time.Minute
)

// loadReports is what an endpoint says of its load. Attempts write it, and the share keeper of the
// roster reads it.
type loadReports struct {
	since   atomic.Int64  // the Instant from which on there were reports without a gap
	latest  atomic.Int64  // the Instant of the latest one
	weight  atomic.Uint64 // the bits of its weight
	adopted atomic.Uint64 // the bits of the weight that shares are computed with; 0 if there is none
	report  atomic.Pointer[loadreport.Report]
}

// TakesReports reports whether the pool's newest definition uses load reports.
func (e *Endpoint) TakesReports() bool { return e.pool.TakesReports() }

// TakesReports reports whether the pool's newest definition uses load reports.
func (p *Pool) TakesReports() bool { return p.takesReports.Load() }

// Report records what the endpoint says of its load. err says that it cannot be read.
func (e *Endpoint) Report(r loadreport.Report, err error, now load.Instant) {
	weight := r.Weight()
	if err != nil || weight == 0 {
		e.pool.traffic.reports[ReportIgnored].Add(1)
		return
	}
	e.pool.traffic.reports[ReportTaken].Add(1)
	reports := e.reports.Load()
	if reports == nil {
		e.reports.CompareAndSwap(nil, new(loadReports))
		if reports = e.reports.Load(); reports == nil {
			return // the endpoint has started over at this instant
		}
	}
	latest := load.Instant(reports.latest.Swap(int64(now)))
	reports.weight.Store(math.Float64bits(weight))
	reports.report.Store(&r)
	if latest == 0 || now.Sub(latest) >= reportExpiry {
		reports.since.Store(int64(now))
		e.pool.wake()
	}
}

// forgetReports makes the endpoint start over, because another process may be at its address.
func (e *Endpoint) forgetReports() { e.reports.Store(nil) }

// reportHysteresis is how much a weight must differ from the one in use to take its place. Each
// change rebuilds the tables of all policies, and moves keys of those that hash.
const reportHysteresis = .1

// adoptReports makes the weight by the reports of the endpoint the one that shares are computed
// with, if it differs enough. waits says that it will change without a further report.
func (e *Endpoint) adoptReports(now load.Instant) (waits bool) {
	reports := e.reports.Load()
	if reports == nil {
		return false
	}
	since, latest := load.Instant(reports.since.Load()), load.Instant(reports.latest.Load())
	if since == 0 || now.Sub(latest) >= reportExpiry {
		reports.adopted.Store(0)
		return false
	}
	if now.Sub(since) < reportBlackout {
		reports.adopted.Store(0)
		return true
	}
	weight := math.Float64frombits(reports.weight.Load())
	adopted := math.Float64frombits(reports.adopted.Load())
	if math.Abs(weight-adopted) > reportHysteresis*adopted {
		reports.adopted.Store(math.Float64bits(weight))
	}
	return true
}

// LatestReport returns the latest load report that counts, and when it came; nil if there is none.
func (e *Endpoint) LatestReport(now load.Instant) (r *loadreport.Report, at load.Instant) {
	reports := e.reports.Load()
	if reports == nil || !e.TakesReports() {
		return nil, 0
	}
	at = load.Instant(reports.latest.Load())
	if now.Sub(at) >= reportExpiry {
		return nil, 0
	}
	return reports.report.Load(), at
}

// adoptedReport returns the weight by load reports that shares are computed with, 0 if there is
// none.
func (e *Endpoint) adoptedReport() float64 {
	if reports := e.reports.Load(); reports != nil {
		return math.Float64frombits(reports.adopted.Load())
	}
	return 0
}

// ReportResult is what became of a load report.
type ReportResult uint8

// The results of load reports.
const (
	ReportTaken   ReportResult = iota
	ReportIgnored              // it is invalid, or says too little

	ReportResultCount = iota
)

// String returns the result in metrics.
func (r ReportResult) String() string { return [...]string{"taken", "ignored"}[r] }

// Reports returns the number of load reports by what became of them.
func (p *Pool) Reports(r ReportResult) uint64 { return p.traffic.reports[r].Load() }
