package status

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
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

	// InFlight is the number of requests in flight at all endpoints.
	InFlight int `json:"in_flight"`

	// Limits are there if the pool has any.
	Limits *limitsStatus `json:"limits,omitempty"`

	// Hedges are there if requests were hedged, or the budget has refused that.
	Hedges *hedgesStatus `json:"hedges,omitempty"`

	// Overrides is the number of endpoints about which an operator has decided something.
	Overrides int `json:"overrides"`

	// Frozen is the list that the pool keeps after a rollback, whatever its sources say.
	Frozen *endpoint.Frozen `json:"frozen,omitempty"`

	// Revision is the last change in the history.
	Revision uint64 `json:"revision"`

	// Failures are why checks fail, the commonest reason first.
	Failures []endpoint.FailureCount `json:"failures,omitempty"`

	Sources []endpoint.SourceStatus `json:"sources,omitempty"`

	// Sessions say how full the tables of sticky sessions are. Only the status of one pool has
	// them.
	Sessions []endpoint.SessionCounts `json:"sessions,omitempty"`
	// Groups are the groups of endpoints of the policy `split`, and their shares.
	Groups []endpoint.Group `json:"groups,omitempty"`

	// Ungrouped is the number of endpoints that get no requests from a policy `split`, because they
	// are in none of its groups.
	Ungrouped int `json:"ungrouped,omitempty"`

	// Members are the endpoints, in the order of the list. Only the status of one pool has them.
	Members []endpointStatus `json:"members,omitempty"`
}

func newPoolStatus(roster *endpoint.Roster) poolStatus {
	s := roster.Snapshot()
	status := poolStatus{
		Name: roster.Name(), Mode: s.Mode.String(), ModeSince: s.ModeSince, Endpoints: len(s.Members),
		InFlight: roster.InFlight(), Limits: newLimitsStatus(roster, load.Now()), Hedges: newHedgesStatus(roster),
		Overrides: roster.OverrideCount(), Frozen: roster.Frozen(),
		Revision: roster.LastRevision(), Sources: roster.Sources(), Groups: roster.Groups(),
		Ungrouped: roster.Ungrouped(),
	}
	status.Usable, status.Unhealthy, status.Draining = s.States()
	status.Failing, status.Failures = roster.Failures()
	status.Failures = status.Failures[:min(len(status.Failures), maxFailures)]
	return status
}

// listPools answers with all pools, in the order of their names.
func listPools(w http.ResponseWriter, _ *http.Request) error {
	rosters := endpoint.CurrentRosters()
	slices.SortFunc(rosters, func(a, b *endpoint.Roster) int { return cmp.Compare(a.Name(), b.Name()) })
	pools := make([]poolStatus, len(rosters))
	for i, roster := range rosters {
		pools[i] = newPoolStatus(roster)
	}
	return answer(w, http.StatusOK, pools)
}

// getPool answers with a pool and its endpoints.
func getPool(w http.ResponseWriter, r *http.Request) error {
	roster, err := rosterOf(r)
	if err != nil {
		return err
	}
	status := newPoolStatus(roster)
	status.Members = newReader(roster).all()
	status.Sessions = endpoint.SessionTablesOf(roster.Name()).Counts(time.Now())
	return answer(w, http.StatusOK, status)
}

// getSources answers with the sources of a pool, in the order of its definition.
func getSources(w http.ResponseWriter, r *http.Request) error {
	roster, err := rosterOf(r)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, append([]endpoint.SourceStatus{}, roster.Sources()...))
}

// rosterOf returns the list of the pool that the path names.
func rosterOf(r *http.Request) (*endpoint.Roster, error) {
	name := r.PathValue("pool")
	if roster := endpoint.Current(name); roster != nil {
		return roster, nil
	}
	return nil, refuse(http.StatusNotFound, fmt.Errorf("there is no pool %q", name))
}
