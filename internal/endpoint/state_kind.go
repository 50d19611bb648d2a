package endpoint

// StateKind is what an endpoint of a pool may get now, in one word for metrics.
type StateKind uint8

// The states, from the best to the worst.
const (
	Usable StateKind = iota
	StateHalfOpen
	StateUnchecked
	StateDraining
	StateRefused
	StateEjected
	StateUnhealthy
	StateMaintenance

	StateKindCount = iota
)

// String returns the state in metrics.
func (s StateKind) String() string {
	return [...]string{
		"usable", "half_open", "unchecked", "draining", "refused", "ejected", "unhealthy", "maintenance",
	}[s]
}

// StateKind returns the kind of state of a member of the roster. Of several that apply, the worst
// one counts.
func (r *Roster) StateKind(m *Member) StateKind {
	c := m.Conditions() & r.rules.Watched
	switch {
	case c&Maintenance != 0:
		return StateMaintenance
	case c&ProbeFailed != 0:
		return StateUnhealthy
	case c&Ejected != 0:
		return StateEjected
	case c&Refused != 0:
		return StateRefused
	case m.drains || c&DrainRequested != 0:
		return StateDraining
	case c&Unchecked != 0:
		return StateUnchecked
	case c&HalfOpen != 0:
		return StateHalfOpen
	}
	return Usable
}

// EffectiveWeight returns the weight by which a member gets requests now, in the unit of its
// source's weight; 0 if it gets none.
func (s *Snapshot) EffectiveWeight(m *Member) float64 {
	if s.scale == 0 {
		return float64(m.Weight)
	}
	return float64(m.Weight) / s.scale
}
