package endpoint

import (
	"slices"
	"testing"
	"time"
)

// wantPanicLogged checks that one line was logged with the panic and its stack.
func (p *runningPool) wantPanicLogged(message, want string) {
	p.t.Helper()
	lines := p.log.FilterMessage(message).All()
	if len(lines) != 1 || lines[0].ContextMap()["error"] != want || lines[0].ContextMap()["stack"] == "" {
		p.t.Errorf("logged %v", lines)
	}
}

func TestAPolicyThatPanicsForANewListKeepsNoOtherFromIt(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		lists := 0
		for range 2 {
			defer p.Roster.Subscribe(func(*Snapshot) { lists++ })()
		}
		armed := false
		defer p.Roster.Subscribe(func(*Snapshot) {
			if armed {
				panic("no map")
			}
		})()
		armed = true
		p.replace("a b") // in the goroutine that follows the sources
		p.wantPanicLogged("policy does not know the new list", "the policy panicked: no map")
		p.set("a", ProbeFailed, true) // in that of the roster
		p.wantServing(time.Second, "b")
		if lists != 2*3 {
			t.Errorf("the other policies got %d lists", lists)
		}
	})
}

func TestAnEventHandlerThatPanicsGetsTheNextEvent(t *testing.T) {
	runPool(t, Rules{}, func(p *runningPool) {
		p.replace("a b")
		p.wait(time.Second)
		handles := p.Roster.owner.Load().Emit
		panicked := false
		owner := *p.Roster.owner.Load()
		owner.Emit = func(name string, data map[string]any) {
			if !panicked {
				panicked = true
				panic("no map")
			}
			handles(name, data)
		}
		p.Roster.owner.Store(&owner)
		p.Roster.Emit(Event{Name: BeganDraining, Address: "a:1"})
		p.Roster.Emit(Event{Name: BeganDraining, Address: "b:1"})
		p.wait(time.Second)
		p.wantPanicLogged("event was not handled", "the event handler panicked: no map")
		if !slices.Contains(p.events, "draining b:1") || slices.Contains(p.events, "draining a:1") {
			t.Errorf("the events are %q", p.events)
		}
	})
}
