package endpoint

import (
	"fmt"
	"strings"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/count"
)

// Status is what a member of a list is doing: its state, why, and since when.
type Status struct {
	// State is the name of its State.
	State string `json:"state"`

	// Reason says why; empty for a healthy endpoint.
	Reason string `json:"reason,omitempty"`

	// Since is when that began, if it is known.
	Since time.Time `json:"since,omitzero"`

	// Usable is whether a new request may be sent there now. An endpoint that is not healthy may be
	// usable, if the pool ignores health because too few are healthy. A healthy one is not while it
	// has as many requests in flight as it may have.
	Usable bool `json:"usable"`
}

// Status returns the status of a member of the snapshot, by the rules of the roster.
func (r *Roster) Status(s *Snapshot, m *Member) Status {
	status := r.rules.status(m)
	status.Usable, _ = s.Usable(m, nil)
	if m.IsPaused() {
		status.Usable = false
		if status.Reason == "" {
			status.Reason = "it asked for no requests for a time, by a header Retry-After"
		}
	}
	if limit := m.MostRequests(r.Limits().Adaptive()); limit > 0 && m.InFlight() >= limit {
		status.Usable = false
		if status.Reason == "" {
			requests := count.Of(m.InFlight(), "request")
			status.Reason = fmt.Sprintf("it has %s in flight, and its limit is %d", requests, limit)
		}
	}
	return status
}

func (r Rules) status(m *Member) Status {
	state := r.state(m)
	status := Status{State: state.String()}
	o, v, j := m.Override(), m.Verdict(), m.Ejection()
	switch conditions := m.Conditions() & r.Watched; {
	case conditions&operator != 0:
		status.Reason, status.Since = o.why(), o.since()
	case state == StateMaintenance:
		status.Reason = "it asked for it"
	case state == StateUnhealthy && v != nil:
		status.Reason, status.Since = strings.Join(m.failures(), "; "), v.Since
	case state == StateUnchecked:
		status.Reason = "its first check has not ended"
	case state == StateEjected && j != nil:
		status.Reason, status.Since = j.Reason, j.Since
	case state == StateHalfOpen && j != nil:
		status.Reason, status.Since = "one request at a time tests it after its ejection: "+j.Reason, j.Until
	case state == StateRefused:
		status.Reason = "it refuses connections, which its sibling of the other IP family accepts"
	case state == StateDraining:
		status.Reason = m.drainReason()
	case v != nil && r.Watched&ProbeFailed != 0:
		status.Since = v.Since
	}
	return status
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
func (r *Roster) WeightReasons(s *Snapshot, m *Member, status Status) (reasons []string) {
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
	if rate := m.adoptedReport(); rate > 0 && r.rules.LoadReports && !r.rules.weightIsSet(m) {
		add("by its load reports it serves %.3g requests a second at full utilization", rate)
	}
	if m.Ramp < 1 {
		add("slow start is at %.0f %%", m.Ramp*100)
	}
	if m.Weight == 0 {
		add("it gets no requests, because its state is %s", status.State)
	}
	return reasons
}
