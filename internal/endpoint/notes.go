package endpoint

import "fmt"

// note tells what a new snapshot means for people.
func (r *Roster) note(s, old *Snapshot) {
	if !r.Leads() {
		return
	}
	for _, e := range notes(s, old) {
		r.Tell(e)
	}
}

// notes are the events between two snapshots of a pool. Health itself is told by whoever judges it.
func notes(s, old *Snapshot) []Event {
	var events []Event
	for i := range s.Members {
		m := &s.Members[i]
		was := old.Find(m.Address())
		if m.drains && (was == nil || !was.drains) {
			events = append(events, Event{Name: BeganDraining, Address: m.Address(), Reason: m.drainReason()})
		}
	}
	if s.Mode == old.Mode {
		return events
	}
	// None is also what there was before the first list.
	if left := leaving[old.Mode]; left != "" && len(old.Members) > 0 && (old.Mode != None || s.Mode != Open) {
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
