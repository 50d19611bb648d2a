package status

import (
	"fmt"
	"net/http"

	"github.com/caddy-balance/caddy-balance/discovery/registry"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// listEndpoints answers with the registrations of a pool that has a registry, and otherwise with
// the endpoints of the pool.
func listEndpoints(w http.ResponseWriter, r *http.Request) error {
	if leases := registry.LeasesOf(r.Context(), r.PathValue("pool")); leases != nil {
		return answer(w, http.StatusOK, leases.List())
	}
	roster, err := rosterOf(r)
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, newReader(roster).all())
}

// getEndpoint answers with all that is known of an endpoint. Of one that registered itself and that
// the pool does not list yet, that is the registration.
func getEndpoint(w http.ResponseWriter, r *http.Request) error {
	registration, registered := registrationOf(r)
	roster, member, err := memberOf(r)
	if err != nil {
		if registered {
			return answer(w, http.StatusOK, registration)
		}
		return err
	}
	status := newReader(roster).status(member)
	if registered {
		status.Info, status.TTL, status.Expires = registration.Info, registration.TTL, registration.Expires
		status.Registered = true
	}
	w.Header().Set("Etag", etagOf(r, member))
	return answer(w, http.StatusOK, status)
}

func registrationOf(r *http.Request) (registration registry.Registration, ok bool) {
	if leases := registry.LeasesOf(r.Context(), r.PathValue("pool")); leases != nil {
		return leases.Find(r.PathValue("id"))
	}
	return registration, false
}

// memberOf returns the member of a pool that the path names by its id or address. An id comes
// first, because registrations are named by it.
func memberOf(r *http.Request) (*endpoint.Roster, *endpoint.Member, error) {
	roster, err := rosterOf(r)
	if err != nil {
		return nil, nil, err
	}
	name, members := r.PathValue("id"), roster.Snapshot().Members
	for i := range members {
		if members[i].Info.ID == name {
			return roster, &members[i], nil
		}
	}
	if m := roster.Snapshot().Find(name); m != nil {
		return roster, m, nil
	}
	err = fmt.Errorf("pool %q has no endpoint with the id or address %q", roster.Name(), name)
	if leases := registry.LeasesOf(r.Context(), roster.Name()); leases != nil {
		err = notRegistered(r)
	}
	return nil, nil, refuse(http.StatusNotFound, err)
}

// resetEndpoint forgets latency, failures and ejections of an endpoint.
func resetEndpoint(w http.ResponseWriter, r *http.Request) error {
	roster, member, err := memberOf(r)
	if err != nil {
		return err
	}
	roster.Reset(member, identityOf(r))
	w.WriteHeader(http.StatusNoContent)
	return nil
}
