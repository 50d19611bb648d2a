package endpoint

import "fmt"

// announce emits the events that a new snapshot means. Rosters of older definitions stay silent,
// because one event of a pool is one log line.
func (r *Roster) announce(s, old *Snapshot) {
	if r.IsCurrent() {
		for _, e := range append(drainEvents(s, old), modeEvents(r.announced, s)...) {
			r.Emit(e)
		}
	}
	r.announced = s.Mode
}

// drainEvents returns an event for each endpoint that begins to drain. The prober and the outlier
// detector emit the events about health.
func drainEvents(s, old *Snapshot) (events []Event) {
	for i := range s.Members {
		m := &s.Members[i]
		before := old.Find(m.Address())
		if m.drains && (before == nil || !before.drains) {
			events = append(events, Event{Name: BeganDraining, Address: m.Address(), Reason: m.drainReason()})
		}
	}
	return events
}

// modeEvents returns the events of a change from the old mode to that of s.
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
	o := m.Override()
	switch {
	case o != nil && o.takesAway():
		return o.why()
	case m.Info.Draining:
		return "discovery says so"
	case m.Info.Weight == 0:
		return "its weight is 0"
	}
	return "it asked for it"
}

// reason counts the endpoints that are usable, and those that are not by why they are not.
func (s *Snapshot) reason() string {
	usable, unhealthy, draining := s.States()
	return fmt.Sprintf("of %d endpoints %d are usable, %d unhealthy, %d draining",
		len(s.Members), usable, unhealthy, draining)
}

// States returns the number of members that are usable, unhealthy and draining.
func (s *Snapshot) States() (usable, unhealthy, draining int) {
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
	return usable, unhealthy, draining
}
