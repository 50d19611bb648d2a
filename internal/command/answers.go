package command

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// poolAnswer is the part of a pool's status that the command shows.
type poolAnswer struct {
	Name      string                   `json:"name"`
	Mode      string                   `json:"mode"`
	ModeSince time.Time                `json:"mode_since"`
	Endpoints int                      `json:"endpoints"`
	Usable    int                      `json:"usable"`
	Unhealthy int                      `json:"unhealthy"`
	Draining  int                      `json:"draining"`
	InFlight  int                      `json:"in_flight"`
	Overrides int                      `json:"overrides"`
	Frozen    *endpoint.Frozen         `json:"frozen"`
	Revision  uint64                   `json:"revision"`
	Failures  []endpoint.FailureCount  `json:"failures"`
	Sources   []endpoint.SourceStatus  `json:"sources"`
	Limits    *limitsAnswer            `json:"limits"`
	Hedges    *hedgesAnswer            `json:"hedges"`
	Sessions  []endpoint.SessionCounts `json:"sessions"`
	Groups    []endpoint.Group         `json:"groups"`
	Ungrouped int                      `json:"ungrouped"`
	Members   []endpointAnswer         `json:"members"`
}

// endpointAnswer is the part of an endpoint's status that the command shows.
type endpointAnswer struct {
	Address     string            `json:"address"`
	ID          string            `json:"id"`
	Zone        string            `json:"zone"`
	Priority    int               `json:"priority"`
	MaxRequests int               `json:"effective_max_requests"`
	Adaptive    int               `json:"adaptive_limit"`
	Metadata    map[string]string `json:"metadata"`
	Expires     time.Time         `json:"expires"`
	Source      *struct {
		Name     string `json:"name"`
		Position int    `json:"position"`
	} `json:"source"`

	endpoint.Status

	Groups    []string `json:"groups"`
	Ungrouped bool     `json:"ungrouped"`
	Sessions  *int     `json:"sessions"`

	EffectiveWeight float64  `json:"effective_weight"`
	WeightReasons   []string `json:"weight_reasons"`

	Load struct {
		InFlight     int     `json:"in_flight"`
		Waiting      int     `json:"waiting"`
		Parked       int     `json:"parked"`
		RelativeTime float64 `json:"relative_time"`
		Certainty    float64 `json:"certainty"`
	} `json:"load"`

	Check *struct {
		Probes []struct {
			Name        string    `json:"name"`
			Checked     bool      `json:"checked"`
			Passes      bool      `json:"passes"`
			Since       time.Time `json:"since"`
			LastFailure string    `json:"last_failure"`
		} `json:"probes"`
	} `json:"check"`

	Ejection *struct {
		Times  int       `json:"times"`
		Until  time.Time `json:"until"`
		Reason string    `json:"reason"`
	} `json:"ejection"`

	Override *endpoint.Override `json:"override"`
}

// isNamed reports whether the endpoint has this id or address.
func (e *endpointAnswer) isNamed(name string) bool { return e.ID == name || e.Address == name }

// routeAnswer is what a pool knows of a route.
type routeAnswer struct {
	Name        string  `json:"name"`
	Requests    uint64  `json:"requests"`
	MeanSeconds float64 `json:"mean_seconds"`
	Failures    float64 `json:"failures"`
	Parked      bool    `json:"parked"`
}
