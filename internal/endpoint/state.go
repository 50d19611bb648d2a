package endpoint

import (
	"fmt"
	"strings"
	"time"
)

// State is what a member is doing, for people: one word, why, and since when.
type State struct {
	// State is healthy, unchecked, unhealthy, ejected, half_open, refused, draining, maintenance,
	// down or full.
	State string `json:"state"`

	// Reason says why; empty for a healthy endpoint.
	Reason string `json:"reason,omitempty"`

	// Since is when that began, if it is known.
	Since time.Time `json:"since,omitzero"`

	// Usable is whether a new request may be sent there now. An endpoint that is not healthy may be
	// usable, if the pool ignores health because too few are healthy.
	Usable bool `json:"usable"`
}

// State returns the state of a member of the snapshot, by the rules of the roster.
func (r *Roster) State(s *Snapshot, m *Member) State {
	state := r.rules.state(m)
	state.Usable, _ = s.Usable(m, nil)
	if full := m.MaxRequests > 0 && m.InFlight() >= int(m.MaxRequests); full && state.State == "healthy" {
		state.State, state.Reason = "full", fmt.Sprintf("%d requests are in flight, which is its limit", m.InFlight())
		state.Since = time.Time{}
		state.Usable = false
	}
	return state
}

func (r Rules) state(m *Member) State {
	conditions := m.Conditions() & r.Watched
	o, v, j := m.Override(), m.Verdict(), m.Ejection()
	switch {
	case conditions&operator != 0:
		return State{State: operatorStates[conditions&operator], Reason: o.why(), Since: o.since()}
	case conditions&ProbeFailed != 0 && v != nil:
		return State{State: "unhealthy", Reason: strings.Join(m.failures(), "; "), Since: v.Since}
	case conditions&Unchecked != 0:
		return State{State: "unchecked", Reason: "its first check has not ended"}
	case conditions&Ejected != 0 && j != nil:
		return State{State: "ejected", Reason: j.Reason, Since: j.Since}
	case conditions&HalfOpen != 0 && j != nil:
		return State{State: "half_open", Reason: "one request at a time tests it after: " + j.Reason, Since: j.Until}
	case conditions&Refused != 0:
		return State{State: "refused", Reason: "it refuses connections, and its sibling of the other IP family accepts them"}
	case conditions&Maintenance != 0:
		return State{State: "maintenance", Reason: "it asked for it"}
	}
	if e := r.eligibility(m); e.drains {
		state := State{State: "draining", Reason: m.drainReason()}
		if o != nil && o.takesAway() {
			state.Since = o.Since
		}
		return state
	}
	state := State{State: "healthy"}
	if v != nil && r.Watched&ProbeFailed != 0 {
		state.Since = v.Since
	}
	return state
}

var operatorStates = map[Condition]string{
	OperatorDrain: "draining", OperatorDown: "down", OperatorMaintenance: "maintenance",
}

// why works on nil, because an override may end between two looks at it.
func (o *Override) why() string {
	if o == nil || o.Reason == "" {
		return "an operator says so"
	}
	return "an operator says so: " + o.Reason
}

func (o *Override) since() time.Time {
	if o == nil {
		return time.Time{}
	}
	return o.Since
}

// WeightReasons returns why the weight of a member is what it is, from the source's weight on.
func (r *Roster) WeightReasons(s *Snapshot, m *Member, state State) (reasons []string) {
	add := func(format string, args ...any) { reasons = append(reasons, fmt.Sprintf(format, args...)) }
	add("its source gives %d", m.Info.Weight)
	if a := r.rules.advice(m); a.Weight != nil {
		add("it asks for %d", *a.Weight)
	} else if a.Percent != nil {
		add("it asks for %d %% of it", *a.Percent)
	}
	if o := m.Override(); o != nil && o.Weight != nil {
		add("an operator set %d", *o.Weight)
	}
	if m.Ramp < 1 {
		add("slow start is at %.0f %%", m.Ramp*100)
	}
	switch {
	case m.Weight == 0:
		add("it gets no requests, because its state is %s", state.State)
	case s.scale != 1:
		add("all weights are multiplied by %.0f, so that fractions of them count", s.scale)
	}
	return reasons
}
