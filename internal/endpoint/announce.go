package endpoint

import "fmt"

// note tells what a new snapshot means for people.
func (r *Roster) announce(s, old *Snapshot) {
	if r.IsCurrent() {
		for _, e := range append(drainEvents(s, old), modeEvents(r.announced, s)...) {
			r.Emit(e)
		}
	}
	r.announced = s.Mode
}

// drains are the events of endpoints that begin to drain. Health is told by whoever judges it.
func drainEvents(s, old *Snapshot) (events []Event) {
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
func modeEvents(old Mode, s *Snapshot) (events []Event) {
	if s.Mode == old {
		return nil
	}
	if left := leftEvents[old]; left != "" {
		events = append(events, Event{Name: left})
	}
	if entered := enteredEvents[s.Mode]; entered != "" {
		events = append(events, Event{Name: entered, Reason: s.reason()})
	}
	return events
}

var (
	enteredEvents = map[Mode]string{Open: FailedOpen, None: BecameEmpty}
	leftEvents    = map[Mode]string{Open: FailedOpenEnded, None: BecameUsable}
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
