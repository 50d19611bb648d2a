package status

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery/registry"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func putEndpoint(w http.ResponseWriter, r *http.Request) error {
	leases, err := leasesOf(r)
	if err != nil {
		return err
	}
	asked, err := readRegistration(w, r)
	if err != nil {
		return err
	}
	registered, isNew, err := leases.Register(asked, time.Now())
	switch {
	case errors.Is(err, registry.ErrFull), errors.Is(err, registry.ErrTooLarge):
		return refuse(http.StatusInsufficientStorage, err)
	case err != nil:
		return refuse(http.StatusBadRequest, err)
	case isNew:
		return answer(w, http.StatusCreated, registered)
	}
	return answer(w, http.StatusOK, registered)
}

func readRegistration(w http.ResponseWriter, r *http.Request) (registry.Registration, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, listing.MaxEntrySize))
	if tooLong := new(http.MaxBytesError); errors.As(err, &tooLong) {
		err = fmt.Errorf("the body has more than %d bytes", tooLong.Limit)
		return registry.Registration{}, refuse(http.StatusRequestEntityTooLarge, err)
	}
	var registration registry.Registration
	if err == nil {
		registration, err = registry.DecodeRegistration(body)
	}
	if err == nil {
		err = registration.Identify(r.PathValue("id"))
	}
	if err != nil {
		return registration, refuse(http.StatusBadRequest, fmt.Errorf("body: %w", err))
	}
	return registration, nil
}

func deleteEndpoint(w http.ResponseWriter, r *http.Request) error {
	leases, err := leasesOf(r)
	if err != nil {
		return err
	}
	if !leases.Leave(r.PathValue("id")) {
		return notRegistered(r)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func leasesOf(r *http.Request) (*registry.Leases, error) {
	pool := r.PathValue("pool")
	if leases := registry.LeasesOf(r.Context(), pool); leases != nil {
		return leases, nil
	}
	return nil, refuse(http.StatusNotFound, fmt.Errorf("there is no pool %q with a registry source", pool))
}

func notRegistered(r *http.Request) error {
	pool, id := r.PathValue("pool"), r.PathValue("id")
	return refuse(http.StatusNotFound, fmt.Errorf("pool %q has no endpoint that registered as %q", pool, id))
}
