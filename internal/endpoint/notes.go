package endpoint

import "fmt"

// note tells what a new snapshot means for people.
func (r *Roster) note(s, old *Snapshot) {
	if r.Leads() {
		for _, e := range append(drains(s, old), turn(r.told, s)...) {
			r.Tell(e)
		}
	}
	r.told = s.Mode
}

// drains are the events of endpoints that begin to drain. Health is told by whoever judges it.
func drains(s, old *Snapshot) (events []Event) {
	for i := range s.Members {
		m := &s.Members[i]
		was := old.Find(m.Address())
		if m.drains && (was == nil || !was.drains) {
			events = append(events, Event{Name: BeganDraining, Address: m.Address(), Reason: m.drainReason()})
		}
	}
	return events
}

// turn are the events of a change of mode.
func turn(old Mode, s *Snapshot) (events []Event) {
	if s.Mode == old {
		return nil
	}
	if left := leaving[old]; left != "" {
		events = append(events, Event{Name: left})
	}
	if entered := entering[s.Mode]; entered != "" {
		events = append(events, Event{Name: entered, Reason: s.reason()})
	}
	return events
}

var (
	entering = map[Mode]string{Open: FailedOpen, None: BecameEmpty}
	leaving  = map[Mode]string{Open: FailedOpenEnded, None: BecameUsable}
)

func (m *Member) drainReason() string {
	switch {
	case m.Info.Draining:
		return "discovery says so"
	case m.Info.Weight == 0:
		return "its weight is 0"
	}
	return "it asked for it"
}

// reason counts why endpoints are not usable.
func (s *Snapshot) reason() string {
	var usable, unhealthy, draining int
	for i := range s.Members {
		switch m := &s.Members[i]; {
		case m.drains:
			draining++
		case m.healthy:
			usable++
		default:
			unhealthy++
		}
	}
	return fmt.Sprintf("of %d endpoints %d are usable, %d unhealthy, %d draining", len(s.Members), usable, unhealthy, draining)
}
