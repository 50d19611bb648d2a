package status

import (
	"fmt"
	"net/http"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// maxFailures is the maximum number of reasons that the status of a pool lists. Each endpoint may
// have its own, and the commonest come first.
const maxFailures = 10

// poolStatus is the state of a pool as a whole.
type poolStatus struct {
	Name string `json:"name"`

	// Mode is healthy, draining, fail_open or none.
	Mode      string    `json:"mode"`
	ModeSince time.Time `json:"mode_since"`

	// The numbers of endpoints.
	Endpoints int `json:"endpoints"`
	Usable    int `json:"usable"`
	Unhealthy int `json:"unhealthy"`
	Draining  int `json:"draining"`
	Failing   int `json:"failing"` // whose checks fail, whether or not the pool ignores it

	// Failures are why checks fail, the commonest reason first.
	Failures []endpoint.FailureCount `json:"failures,omitempty"`

	Sources []endpoint.SourceStatus `json:"sources,omitempty"`
}

func getPool(w http.ResponseWriter, r *http.Request) error {
	name := r.PathValue("pool")
	roster := endpoint.Current(name)
	if roster == nil {
		return refuse(http.StatusNotFound, fmt.Errorf("there is no pool %q", name))
	}
	s := roster.Snapshot()
	status := poolStatus{
		Name: name, Mode: s.Mode.String(), ModeSince: s.ModeSince, Endpoints: len(s.Members), Sources: roster.Sources(),
	}
	status.Usable, status.Unhealthy, status.Draining = s.States()
	status.Failing, status.Failures = roster.Failures()
	status.Failures = status.Failures[:min(len(status.Failures), maxFailures)]
	return answer(w, http.StatusOK, status)
}
