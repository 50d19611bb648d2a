package attempt

import (
	"errors"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// RetryAfter says which answers with the header Retry-After mean that their endpoint wants no
// requests for a time.
type RetryAfter struct {
	Roster   *endpoint.Roster
	Statuses []int
	Max      time.Duration
}

// ObeyRetryAfter makes endpoints pause that ask for it. It may only be called while the handler is
// provisioned.
func (t *Transport) ObeyRetryAfter(r RetryAfter) { t.retryAfter = &r }

// obeyRetryAfter makes the endpoint pause if its answer asks for it.
func (a *Attempt) obeyRetryAfter(res *http.Response, now load.Instant) {
	r := a.transport.retryAfter
	if r == nil || !slices.Contains(r.Statuses, res.StatusCode) {
		return
	}
	if d := parseRetryAfter(res.Header.Get("Retry-After"), time.Now()); d > 0 {
		r.Roster.Pause(a.endpoint, min(d, r.Max), now)
	}
}

// parseRetryAfter returns the time of a header Retry-After (RFC 9110, 10.2.3), which is a number of
// seconds or a date. It is 0 for anything else.
func parseRetryAfter(text string, now time.Time) time.Duration {
	const most = 1 << 30 // about 34 years, far below what overflows
	seconds, err := strconv.ParseUint(text, 10, 64)
	if err == nil || errors.Is(err, strconv.ErrRange) {
		return time.Duration(min(seconds, most)) * time.Second
	}
	if date, err := http.ParseTime(text); err == nil {
		return max(0, date.Sub(now))
	}
	return 0
}
