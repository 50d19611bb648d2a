package status

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// maxUntil bounds the time of an override, so that no sum overflows.
const maxUntil = 10 * 365 * 24 * time.Hour

// overridePatch is the body of a PATCH. What it does not name stays as it is, and null removes it.
type overridePatch struct {
	State  json.RawMessage `json:"state"`
	Weight json.RawMessage `json:"weight"`
	Until  json.RawMessage `json:"until"`
	Reason json.RawMessage `json:"reason"`
	Force  bool            `json:"force"`
}

const overrideFields = "state, weight, until, reason and force"

// patchEndpoint makes an override hold for an endpoint.
func patchEndpoint(w http.ResponseWriter, r *http.Request) error {
	var patch overridePatch
	if err := readBody(w, r, &patch, overrideFields); err != nil {
		return err
	}
	roster, member, err := memberOf(r)
	if err != nil {
		return err
	}
	decide := func(before *endpoint.Override) (endpoint.Override, error) {
		if err := checkMatch(r, before); err != nil {
			return endpoint.Override{}, err
		}
		o, err := patch.apply(before, time.Now())
		if err != nil {
			return o, refuse(http.StatusBadRequest, fmt.Errorf("body: %w", err))
		}
		o.By = identityOf(r)
		return o, nil
	}
	override, err := roster.SetOverride(member, patch.Force, decide)
	switch {
	case errors.Is(err, endpoint.ErrLastUsable):
		return refuse(http.StatusConflict,
			fmt.Errorf("endpoint %s: %w; send \"force\": true to do it nevertheless", member.Address(), err))
	case errors.Is(err, endpoint.ErrTooManyOverrides):
		return refuse(http.StatusInsufficientStorage, err)
	case err != nil:
		return err
	}
	if now := roster.Snapshot().Find(member.Address()); now != nil {
		member = now // with the weight that follows
	}
	return answerEndpoint(w, r, roster, member, override)
}

// apply returns the override that follows from the one before, which may be nil.
func (p *overridePatch) apply(before *endpoint.Override, now time.Time) (o endpoint.Override, err error) {
	if before != nil {
		o = *before
	}
	o.Since = now
	for _, field := range []struct {
		name  string
		raw   json.RawMessage
		apply func(raw json.RawMessage) error
	}{
		{"state", p.State, func(raw json.RawMessage) error { o.State = ""; return json.Unmarshal(raw, &o.State) }},
		{"weight", p.Weight, func(raw json.RawMessage) error { o.Weight = nil; return json.Unmarshal(raw, &o.Weight) }},
		{"reason", p.Reason, func(raw json.RawMessage) error { o.Reason = ""; return json.Unmarshal(raw, &o.Reason) }},
		{"until", p.Until, func(raw json.RawMessage) (err error) { o.Until, err = parseUntil(raw, now); return err }},
	} {
		if field.raw == nil {
			continue
		}
		if err := field.apply(field.raw); err != nil {
			return o, fmt.Errorf("%s: %s is not %s", field.name, bytes.TrimSpace(field.raw), expected[field.name])
		}
	}
	if o.State == "" && o.Weight == nil {
		return o, errors.New("neither state nor weight is given; expected at least one of them")
	}
	return o, o.Check()
}

var expected = map[string]string{
	"state": "drain, ready, down or maintenance", "weight": "a whole number", "reason": "a text",
	"until": `a duration such as "15m" of at most ten years, or a time to come such as "2027-01-02T15:04:05Z"`,
}

// parseUntil reads a duration or a time; null is never.
func parseUntil(raw json.RawMessage, now time.Time) (time.Time, error) {
	var text *string
	if err := json.Unmarshal(raw, &text); err != nil || text == nil {
		return time.Time{}, err
	}
	if lasts, err := time.ParseDuration(*text); err == nil {
		if lasts <= 0 || lasts > maxUntil {
			return time.Time{}, errors.New("out of range")
		}
		return now.Add(lasts), nil
	}
	at, err := time.Parse(time.RFC3339, *text)
	if err == nil && (!at.After(now) || at.Sub(now) > maxUntil) {
		err = errors.New("out of range")
	}
	return at, err
}

// deleteOverride ends the override of an endpoint, which may have left.
func deleteOverride(w http.ResponseWriter, r *http.Request) error {
	roster, err := rosterOf(r)
	if err != nil {
		return err
	}
	address := r.PathValue("id")
	if _, member, err := memberOf(r); err == nil {
		address = member.Address()
	} else if left, found := overriddenBy(roster, address); found {
		address = left
	}
	err = roster.ClearOverride(address, identityOf(r), "", func(o *endpoint.Override) error { return checkMatch(r, o) })
	if errors.Is(err, endpoint.ErrNoOverride) {
		return refuse(http.StatusNotFound, fmt.Errorf("endpoint %q: %w", address, err))
	}
	if err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// overriddenBy returns the address of the override that was made for an endpoint with this id.
func overriddenBy(roster *endpoint.Roster, id string) (address string, found bool) {
	for address, o := range roster.Control().Overrides {
		if o.ID == id && id != "" {
			return address, true
		}
	}
	return "", false
}
