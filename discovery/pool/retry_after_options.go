package pool

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// RetryAfter makes an endpoint pause that answers with the header `Retry-After`: it gets no
// requests for the time that it says. At most half of the usable endpoints pause at a time, because
// the others must carry their load. When no other is usable, those that pause are used.
type RetryAfter struct {
	// The maximum pause. A longer one is cut. The minimum is 1ms. Required.
	Max caddy.Duration `json:"max"`

	// The statuses of answers whose header counts. Name 429 only if endpoints say by it that they
	// are busy: if they mean one client, that client could make half of them pause. Default: 503.
	Statuses []int `json:"statuses,omitempty"`
}

func (o *LimitOptions) retryAfterOption() caddyfile.Param {
	var after RetryAfter
	return caddyfile.LineInto("retry_after", &o.RetryAfter, &after,
		caddyfile.DurationFrom("maximum", &after.Max, options.MinDuration),
		caddyfile.Optional(caddyfile.Ints("statuses", &after.Statuses, minRefusal, maxRefusal)))
}

const minRefusal, maxRefusal = 400, 599

func (o *LimitOptions) checkRetryAfter() error {
	a := o.RetryAfter
	if a == nil {
		return nil
	}
	for _, status := range a.Statuses {
		if status < minRefusal || status > maxRefusal {
			return fmt.Errorf("retry_after: statuses: %d is not a status from %d to %d", status, minRefusal, maxRefusal)
		}
	}
	if a.Max == 0 {
		return fmt.Errorf("retry_after: max: is missing or 0; expected a duration of %s or more, such as \"10s\"",
			options.MinDuration)
	}
	return options.AtLeast("retry_after: max", a.Max, options.MinDuration)
}

// obeyRetryAfter makes endpoints pause that ask for it.
func (p *Pool) obeyRetryAfter() {
	if a := p.RetryAfter; a != nil {
		statuses := slices.Clone(a.Statuses)
		if len(statuses) == 0 {
			statuses = []int{http.StatusServiceUnavailable}
		}
		p.transport.ObeyRetryAfter(attempt.RetryAfter{
			Roster: p.claim.Roster, Statuses: statuses, Max: time.Duration(a.Max),
		})
	}
}
