package status

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/limit"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// limitsStatus is what the limits of a pool do.
type limitsStatus struct {
	// MaxInFlight is the maximum number of requests in flight; 0 if there is none.
	MaxInFlight int `json:"max_in_flight"`

	// Admitted is the number of requests that the pool has let in and that have not ended.
	Admitted int `json:"admitted"`

	// QueueLength and QueueSeconds are the limits of the queue; 0 if there is none.
	QueueLength  int     `json:"queue_length"`
	QueueSeconds float64 `json:"queue_seconds"`

	// Classes has what waits and what was refused, by class.
	Classes map[string]classStatus `json:"classes"`

	// RefusedRetries is the number of retries that the budget did not allow.
	RefusedRetries uint64 `json:"refused_retries"`

	// RetriesLeft is how many retries the budget would allow now; nil if there is none.
	RetriesLeft *int `json:"retries_left,omitempty"`
}

// classStatus is what became of the requests of a class that found no place.
type classStatus struct {
	Waiting int    `json:"waiting"`
	Shed    uint64 `json:"shed"`
}

// newLimitsStatus returns nil for a pool without limits.
func newLimitsStatus(roster *endpoint.Roster, now load.Instant) *limitsStatus {
	limits := roster.Limits()
	settings, gate := limits.Settings(), &limits.Gate
	if !settings.Retries.On && !settings.Gate.IsGated() {
		return nil
	}
	status := &limitsStatus{
		MaxInFlight: settings.Gate.MaxInFlight, Admitted: gate.InFlight(),
		QueueLength:    settings.Gate.QueueLength,
		QueueSeconds:   float64(settings.Gate.QueueTimeout) / float64(time.Second),
		Classes:        make(map[string]classStatus),
		RefusedRetries: limits.Budget.Refused(),
	}
	if settings.Retries.On {
		left := limits.Budget.Left(now)
		status.RetriesLeft = &left
	}
	for c := range limit.Class(limit.ClassCount) {
		status.Classes[c.String()] = classStatus{Waiting: gate.Waiting(c), Shed: gate.Shed(c)}
	}
	return status
}

// hedgesStatus is what became of second attempts.
type hedgesStatus struct {
	Won     uint64 `json:"won"`
	Lost    uint64 `json:"lost"`
	Refused uint64 `json:"refused"` // because of the budget
}

// newHedgesStatus returns nil for a pool that has had none.
func newHedgesStatus(roster *endpoint.Roster) *hedgesStatus {
	status := hedgesStatus{
		Won: roster.Hedges(endpoint.HedgeWon), Lost: roster.Hedges(endpoint.HedgeBeaten),
		Refused: roster.Hedges(endpoint.HedgeRefused),
	}
	if status == (hedgesStatus{}) {
		return nil
	}
	return &status
}
