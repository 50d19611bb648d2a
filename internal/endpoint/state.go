package endpoint

// State is what an endpoint of a pool may get now, in one word for people.
type State uint8

// The states, from the best to the worst.
const (
	StateHealthy State = iota
	StateHalfOpen
	StateUnchecked
	StateDraining
	StateRefused
	StateEjected
	StateUnhealthy
	StateDown
	StateMaintenance

	StateCount = iota
)

var stateNames = [StateCount]string{
	"healthy", "half_open", "unchecked", "draining", "refused", "ejected", "unhealthy", "down", "maintenance",
}

// String returns the state in metrics and in the admin API.
func (s State) String() string { return stateNames[s] }

// State returns the state of a member of the roster. Of several that apply, the worst one counts.
func (r *Roster) State(m *Member) State { return r.rules.state(m) }

func (r Rules) state(m *Member) State {
	c := m.Conditions() & r.Watched
	switch {
	case c&maintenance != 0:
		return StateMaintenance
	case c&OperatorDown != 0:
		return StateDown
	case c&ProbeFailed != 0:
		return StateUnhealthy
	case c&Ejected != 0:
		return StateEjected
	case c&Refused != 0:
		return StateRefused
	case m.drains || c&drains != 0:
		return StateDraining
	case c&Unchecked != 0:
		return StateUnchecked
	case c&HalfOpen != 0:
		return StateHalfOpen
	}
	return StateHealthy
}

// EffectiveWeight returns the weight by which a member gets requests now, in the unit of its
// source's weight; 0 if it gets none.
func (s *Snapshot) EffectiveWeight(m *Member) float64 {
	if s.scale == 0 {
		return float64(m.Weight)
	}
	return float64(m.Weight) / s.scale
}
