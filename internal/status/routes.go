package status

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// routeStatus is what a pool knows of a route.
type routeStatus struct {
	// Name is the method and the path, with * for what varies.
	Name string `json:"name"`

	// Requests is the number of answers and failures since the route is known.
	Requests uint64 `json:"requests"`

	// MeanSeconds is the mean time to first byte of recent answers.
	MeanSeconds float64 `json:"mean_seconds"`

	// Failures is the share of failures among recent results, from 0 to 1.
	Failures float64 `json:"failures"`

	// Parked says that requests of the route are no work: they are in flight for too long.
	Parked bool `json:"parked"`
}

// getRoutes answers with the routes of a pool, the busiest first.
func getRoutes(w http.ResponseWriter, r *http.Request) error {
	roster, err := rosterOf(r)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, routesOf(roster.Routes().Status()))
}

func routesOf(all []load.RouteStatus) []routeStatus {
	routes := make([]routeStatus, len(all))
	for i, route := range all {
		routes[i] = routeStatus{route.Name, route.Requests, route.Mean.Seconds(), route.Failures, route.Parked}
	}
	slices.SortFunc(routes, func(a, b routeStatus) int {
		return cmp.Or(cmp.Compare(b.Requests, a.Requests), cmp.Compare(a.Name, b.Name))
	})
	return routes
}
