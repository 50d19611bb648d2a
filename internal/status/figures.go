package status

import (
	"fmt"
	"math"
	"net/http"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// The bounds of the interval at which a stream sends figures.
const (
	minFiguresInterval = time.Second
	maxFiguresInterval = keepAlive
)

// figureColumns are the names of the values of a figureRow, in their order.
var figureColumns = []string{
	"address", "state", "usable", "reason", "since", "weight", "in_flight", "parked", "relative_time",
	"requests", "failures", "p50", "p99",
}

// figureRow is what changes of an endpoint while requests come.
type figureRow struct {
	status   endpoint.Status
	weight   float64
	inFlight int
	parked   int
	relative float64
	requests uint64
	failures uint64
	p50, p99 float64 // in seconds
}

// values returns the values of the columns.
func (f *figureRow) values(address string) []any {
	var since any
	if !f.status.Since.IsZero() {
		since = f.status.Since.UnixMilli()
	}
	return []any{
		address, f.status.State, f.status.Usable, f.status.Reason, since, f.weight, f.inFlight, f.parked, f.relative,
		f.requests, f.failures, f.p50, f.p99,
	}
}

// figuresEvent is the data of the event "figures".
type figuresEvent struct {
	// Time is in milliseconds since 1970.
	Time int64 `json:"time"`

	// Columns are in the first event of a stream.
	Columns []string `json:"columns,omitempty"`

	// Rows are the endpoints whose figures have changed since the last event.
	Rows [][]any `json:"rows"`

	// Removed are the endpoints that have left the list.
	Removed []string `json:"removed,omitempty"`

	// P50 and P99 are recent times to first byte of all endpoints, in seconds; 0 if there are none.
	P50 float64 `json:"p50"`
	P99 float64 `json:"p99"`
}

// figures is what a stream has sent of the endpoints of a pool. Nothing is computed for it but when
// it sends.
type figures struct {
	sent  map[string]figureRow // by address; nil before the first event
	times map[string]*recentTimes
	all   recentTimes               // of all endpoints
	added [load.BucketCount]float64 // times that are new since the last event
	pools map[string]poolFigures
	parts map[string]string // of the pool's status, in JSON
}

// figuresInterval returns the interval that a request asks for, 0 for none.
func figuresInterval(r *http.Request) (time.Duration, error) {
	text := r.URL.Query().Get("figures")
	if text == "" {
		return 0, nil
	}
	interval, err := time.ParseDuration(text)
	if err != nil || interval < minFiguresInterval || interval > maxFiguresInterval {
		return 0, refuse(http.StatusBadRequest, fmt.Errorf(
			"figures: %q is not a duration between %s and %s", text, minFiguresInterval, maxFiguresInterval))
	}
	return interval, nil
}

// event returns the event with what has changed since the last one.
func (f *figures) event(r *endpoint.Roster, now load.Instant, interval time.Duration) figuresEvent {
	e := figuresEvent{Time: time.Now().UnixMilli(), Rows: [][]any{}}
	if f.times == nil {
		e.Columns = figureColumns
		f.times = make(map[string]*recentTimes)
	}
	f.added = [load.BucketCount]float64{}
	s := r.Snapshot()
	next := make(map[string]figureRow, len(s.Members))
	for i := range s.Members {
		m := &s.Members[i]
		row := f.row(r, s, m, now, interval)
		next[m.Address()] = row
		if before, known := f.sent[m.Address()]; !known || before != row {
			e.Rows = append(e.Rows, row.values(m.Address()))
		}
	}
	for address := range f.sent {
		if _, stays := next[address]; !stays {
			e.Removed = append(e.Removed, address)
			delete(f.times, address)
		}
	}
	f.sent = next
	f.all.add(&f.added, interval)
	e.P50, e.P99 = f.all.quantile(.5), f.all.quantile(.99)
	return e
}

func (f *figures) row(
	r *endpoint.Roster, s *endpoint.Snapshot, m *endpoint.Member, now load.Instant, interval time.Duration,
) figureRow {
	row := figureRow{
		status: r.Status(s, m), weight: rounded(s.EffectiveWeight(m)), inFlight: m.InFlight(), parked: m.Load.Parked(),
		relative: rounded(m.Load.Read(now, attempt.DefaultDecay).Relative),
	}
	f.count(&row, m.Endpoint, interval)
	return row
}

// count fills in what has happened at an endpoint.
func (f *figures) count(row *figureRow, e *endpoint.Endpoint, interval time.Duration) {
	var totals endpoint.Totals
	e.AddTotals(&totals)
	for i, n := range totals.Endings {
		switch endpoint.Ending(i).Outcome() {
		case "worked":
			row.requests += n
		case "failed":
			row.requests += n
			row.failures += n
		}
	}
	if row.requests == 0 {
		return // most endpoints of a large pool may have no requests
	}
	times := f.times[e.Address()]
	if times == nil {
		times = &recentTimes{complete: f.sent != nil}
		f.times[e.Address()] = times
	}
	before := f.sent[e.Address()]
	row.p50, row.p99 = before.p50, before.p99
	if times.update(&totals.FirstByte, interval, &f.added) {
		row.p50, row.p99 = times.quantile(.5), times.quantile(.99)
	}
}

// rounded keeps two digits after the point, so that a value which hardly moves is not sent again.
func rounded(v float64) float64 { return math.Round(v*100) / 100 }

// poolFigures is a pool in the event "pools".
type poolFigures struct {
	Name      string `json:"name"`
	Mode      string `json:"mode"`
	Endpoints int    `json:"endpoints"`
	Usable    int    `json:"usable"`
	InFlight  int    `json:"in_flight"`
}

// poolsEvent is the data of the event "pools": those that have changed, and those that have gone.
type poolsEvent struct {
	Pools   []poolFigures `json:"pools,omitempty"`
	Removed []string      `json:"removed,omitempty"`
}

// poolsEvent returns the event, and whether there is anything to send.
func (f *figures) poolsEvent() (e poolsEvent, changed bool) {
	next := make(map[string]poolFigures)
	for _, roster := range endpoint.CurrentRosters() {
		s := roster.Snapshot()
		usable, _, _ := s.States()
		p := poolFigures{roster.Name(), s.Mode.String(), len(s.Members), usable, roster.InFlight()}
		next[p.Name] = p
		if f.pools[p.Name] != p {
			e.Pools = append(e.Pools, p)
		}
	}
	for name := range f.pools {
		if _, stays := next[name]; !stays {
			e.Removed = append(e.Removed, name)
		}
	}
	f.pools = next
	return e, len(e.Pools) > 0 || len(e.Removed) > 0
}

// sendFigures sends what has changed of the endpoints of a pool, and of the pools. These events
// have no id: a client that resumes gets the figures of then.
func (s *stream) sendFigures() {
	if e, changed := s.figures.poolsEvent(); changed {
		s.sendEvent("pools", e)
	}
	if parts, changed := s.figures.poolEvent(s.roster, load.Now()); changed {
		s.sendEvent("pool", parts)
	}
	s.sendEvent("figures", s.figures.event(s.roster, load.Now(), s.interval))
}
