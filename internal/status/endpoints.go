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
	if registration, registered := registrationOf(r); registered {
		roster, err := rosterOf(r)
		if err != nil {
			return answer(w, http.StatusOK, registration)
		}
		member := roster.Snapshot().Find(registration.Address)
		if member == nil {
			return answer(w, http.StatusOK, registration)
		}
		return answerEndpoint(w, r, roster, member, member.Override())
	}
	roster, member, err := memberOf(r)
	if err != nil {
		return err
	}
	return answerEndpoint(w, r, roster, member, member.Override())
}

// answerEndpoint answers with all that is known of a member, and with the entity tag of its
// override.
func answerEndpoint(
	w http.ResponseWriter, r *http.Request, roster *endpoint.Roster, member *endpoint.Member, o *endpoint.Override,
) error {
	status := newReader(roster).status(member)
	status.Override = o
	if registration, ok := registrationOf(r); ok && registration.Address == member.Address() {
		status.Info, status.TTL, status.Expires = registration.Info, registration.TTL, registration.Expires
		status.Registered = true
	}
	w.Header().Set("Etag", etagOf(r, o))
	return answer(w, http.StatusOK, status)
}

func registrationOf(r *http.Request) (registration registry.Registration, ok bool) {
	if leases := registry.LeasesOf(r.Context(), r.PathValue("pool")); leases != nil {
		return leases.Find(r.PathValue("id"))
	}
	return registration, false
}

// memberOf returns the member of a pool that the path names by its address or id. An address comes
// first: it belongs to one endpoint, while a source may give any id to any endpoint.
func memberOf(r *http.Request) (*endpoint.Roster, *endpoint.Member, error) {
	roster, err := rosterOf(r)
	if err != nil {
		return nil, nil, err
	}
	name, s := r.PathValue("id"), roster.Snapshot()
	if m := s.Find(name); m != nil {
		return roster, m, nil
	}
	var named []*endpoint.Member
	for i := range s.Members {
		if s.Members[i].Info.ID == name {
			named = append(named, &s.Members[i])
		}
	}
	switch {
	case len(named) == 1:
		return roster, named[0], nil
	case len(named) > 1:
		return nil, nil, refuse(http.StatusConflict, fmt.Errorf("pool %q has %d endpoints with the id %q, "+
			"such as %s and %s; name one by its address", roster.Name(), len(named), name,
			named[0].Address(), named[1].Address()))
	case registry.LeasesOf(r.Context(), roster.Name()) != nil:
		return nil, nil, notRegistered(r)
	}
	return nil, nil, refuse(http.StatusNotFound,
		fmt.Errorf("pool %q has no endpoint with the id or address %q", roster.Name(), name))
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
