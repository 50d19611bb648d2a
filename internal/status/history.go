package status

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// getHistory answers with the last changes of a pool, the newest first.
func getHistory(w http.ResponseWriter, r *http.Request) error {
	roster, err := rosterOf(r)
	if err != nil {
		return err
	}
	after := uint64(0)
	if text := r.URL.Query().Get("after"); text != "" {
		if after, err = strconv.ParseUint(text, 10, 64); err != nil {
			return refuse(http.StatusBadRequest, fmt.Errorf("after: %q is not a revision such as 12", text))
		}
	}
	entries := roster.History(after)
	newestFirst := make([]endpoint.HistoryEntry, 0, len(entries))
	for i := len(entries) - 1; i >= 0; i-- {
		newestFirst = append(newestFirst, entries[i])
	}
	return answer(w, http.StatusOK, newestFirst)
}

// rollback makes the pool keep the membership of a revision.
func rollback(w http.ResponseWriter, r *http.Request) error {
	var body struct {
		Revision *uint64 `json:"revision"`
		Reason   string  `json:"reason"`
	}
	if err := readBody(w, r, &body, "revision and reason"); err != nil {
		return err
	}
	roster, err := rosterOf(r)
	if err != nil {
		return err
	}
	if body.Revision == nil {
		err := errors.New("body: revision: is missing; expected one of the history, such as 12")
		return refuse(http.StatusBadRequest, err)
	}
	if err := endpoint.CheckReason(body.Reason); err != nil {
		return refuse(http.StatusBadRequest, fmt.Errorf("body: %w", err))
	}
	frozen, err := roster.Rollback(*body.Revision, identityOf(r), body.Reason)
	if errors.Is(err, endpoint.ErrEmptyRevision) {
		return refuse(http.StatusConflict, fmt.Errorf("revision %d: %w", *body.Revision, err))
	}
	if errors.Is(err, endpoint.ErrNoSuchRevision) {
		return refuse(http.StatusNotFound, fmt.Errorf("revision %d: %w", *body.Revision, err))
	}
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, frozen)
}

// release lets a pool follow its sources again.
func release(w http.ResponseWriter, r *http.Request) error {
	roster, err := rosterOf(r)
	if err != nil {
		return err
	}
	if !roster.Unfreeze(identityOf(r), "") {
		return refuse(http.StatusNotFound, fmt.Errorf("pool %q: %w", roster.Name(), errNotFrozen))
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

var errNotFrozen = errors.New("the pool is not frozen")
