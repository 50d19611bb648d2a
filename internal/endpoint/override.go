package endpoint

import (
	"errors"
	"fmt"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Override is what an operator has decided about an endpoint. It comes before what the source, the
// probes and the endpoint itself say. It belongs to an address, and ends when an endpoint with
// another id comes to that address.
type Override struct {
	// State is what the operator wants; empty leaves the state to the others.
	State OverrideState `json:"state,omitempty"`

	// Weight replaces the weight that the source and the endpoint give; nil leaves it to them. 0
	// drains the endpoint.
	Weight *int `json:"weight,omitempty"`

	// Until is when the override ends; zero is never.
	Until time.Time `json:"until,omitzero"`

	// By is the remote identity of the operator.
	By string `json:"by,omitempty"`

	// Reason is what the operator gave as a reason.
	Reason string `json:"reason,omitempty"`

	// Since is when the operator decided.
	Since time.Time `json:"since"`

	// ID is the id of the endpoint, if it has one.
	ID string `json:"id,omitempty"`
}

// OverrideState is a state that an operator puts an endpoint into.
type OverrideState string

// The states of an override.
const (
	OverrideReady       OverrideState = "ready"       // requests, though its source or itself drains it
	OverrideDrain       OverrideState = "drain"       // no new requests, unless only draining ones are left
	OverrideDown        OverrideState = "down"        // no requests, as if checks failed
	OverrideMaintenance OverrideState = "maintenance" // no requests at all, even if no other is left
)

// overrideConditions are the conditions of each state, which are all that there are.
var overrideConditions = map[OverrideState]Condition{
	"": 0, OverrideReady: 0, OverrideDrain: OperatorDrain, OverrideDown: OperatorDown,
	OverrideMaintenance: OperatorMaintenance,
}

// Check returns an error that names the field which is invalid.
func (o *Override) Check() error {
	if _, known := overrideConditions[o.State]; !known {
		return fmt.Errorf("state: %q is unknown; expected ready, drain, down or maintenance", o.State)
	}
	if o.Weight != nil && (*o.Weight < 0 || *o.Weight > listing.MaxWeight) {
		return fmt.Errorf("weight: %d is not between 0 and %d", *o.Weight, listing.MaxWeight)
	}
	return CheckReason(o.Reason)
}

// maxReason is the maximum size of a reason. The history and the storage keep many of them.
const maxReason = 1000

// CheckReason returns an error if the reason that an operator gives is too long.
func CheckReason(reason string) error {
	if len(reason) > maxReason {
		return fmt.Errorf("reason: has %d bytes; expected at most %d", len(reason), maxReason)
	}
	return nil
}

// isOver reports whether the override has ended.
func (o *Override) isOver(now time.Time) bool { return !o.Until.IsZero() && !now.Before(o.Until) }

// Override returns what an operator has decided about the endpoint, nil if nothing is in force.
func (e *Endpoint) Override() *Override { return e.override.Load() }

// setOverride makes an override hold, or none if it is nil, and reports whether shares may change.
func (e *Endpoint) setOverride(o *Override) {
	e.pool.changesBegun.Add(1)
	e.override.Store(o)
	e.pool.changesEnded.Add(1)
	state := OverrideState("")
	if o != nil {
		state = o.State
	}
	e.Replace(operator, overrideConditions[state])
	e.applyAdvisedMode()
}

// ErrLastUsable is the error of an override that would leave a pool without a usable endpoint.
var ErrLastUsable = errors.New("it is the last usable endpoint of the pool")

// ErrTooManyOverrides is the error of an override beyond the maximum number of a pool.
var ErrTooManyOverrides = fmt.Errorf("the pool has %d overrides already", maxOverrides)

// maxOverrides bounds the overrides of a pool, because they outlive their endpoints.
const maxOverrides = 10_000

// ErrNoOverride is the error of ending an override of an endpoint that has none.
var ErrNoOverride = errors.New("it has no override")

// SetOverride makes the override hold for a member of the roster's list that decide makes of the
// one before, nil if there is none. No other override is set meanwhile. Unless it is forced, an
// override that takes the last usable endpoint away is refused. It returns what holds then.
func (r *Roster) SetOverride(
	m *Member, force bool, decide func(before *Override) (Override, error),
) (*Override, error) {
	p := r.pool
	p.control.Lock()
	defer p.control.Unlock()
	o, err := decide(p.overrideOf(m.Address()))
	if err != nil {
		return nil, err
	}
	r.CatchUp(r.Snapshot()) // another override may have been set a moment ago
	if !force && r.isLastUsable(m.Endpoint) && o.takesAway() {
		return nil, ErrLastUsable
	}
	o.ID = m.Info.ID
	if err := p.keepOverride(m, &o); err != nil {
		return nil, err
	}
	p.afterControl(r)
	r.record(HistoryEntry{
		Kind: KindOverride, Address: m.Address(), Event: o.event(), Reason: o.Reason, By: o.By,
	})
	return &o, nil
}

// ClearOverride ends the override of an address, unless check returns an error for it. Check may be
// nil.
func (r *Roster) ClearOverride(address, by, reason string, check func(*Override) error) error {
	p := r.pool
	p.control.Lock()
	defer p.control.Unlock()
	o := p.overrideOf(address)
	if o == nil {
		return ErrNoOverride
	}
	if check != nil {
		if err := check(o); err != nil {
			return err
		}
	}
	p.dropOverride(address, o)
	p.afterControl(r)
	r.record(HistoryEntry{Kind: KindOverride, Address: address, Event: "ended", By: by, Reason: reason})
	return nil
}

// endOverride ends an override of an address at which there is another process now.
func (r *Roster) endOverride(address string, o *Override) {
	if r.pool.dropOverride(address, o) {
		const why = "an endpoint with another id is at the address"
		r.record(HistoryEntry{Kind: KindOverride, Address: address, Event: "ended", Reason: why})
		r.pool.controlChanged.Set()
	}
}

// checkOverride ends the override of an address at which there is an endpoint with another id.
// During a reload nothing ends, because the new config may fail to load, and the definitions may
// name other ids: the one that is left checks again.
func (r *Roster) checkOverride(address string, o *Override, id string) {
	if o != nil && o.ID != id && r.pool.newestAlone() == r {
		r.endOverride(address, o)
	}
}

// checkOverrides is checkOverride for the whole list.
func (r *Roster) checkOverrides() {
	s := r.Snapshot()
	for address, o := range r.pool.Overrides() {
		if m := s.Find(address); m != nil {
			r.checkOverride(address, o, m.Info.ID)
		}
	}
}

// afterControl publishes shares that follow from a decision of an operator, and has it stored.
func (p *Pool) afterControl(r *Roster) {
	p.wake()
	r.recomputeNow()
	p.controlChanged.Set()
}

// takesAway reports whether an endpoint with the override gets no new requests.
func (o *Override) takesAway() bool {
	return overrideConditions[o.State] != 0 || o.Weight != nil && *o.Weight == 0
}

func (o *Override) event() string {
	event := string(o.State)
	if o.Weight != nil {
		if event != "" {
			event += ", "
		}
		event += fmt.Sprintf("weight %d", *o.Weight)
	}
	return event
}

// isLastUsable reports whether only this member of the current list gets new requests.
func (r *Roster) isLastUsable(e *Endpoint) bool {
	s := r.Snapshot()
	last := false
	for i := range s.Members {
		if m := &s.Members[i]; m.Weight > 0 && !m.Is(s.Blocking) {
			if m.Endpoint != e {
				return false
			}
			last = true
		}
	}
	return last
}
