package endpoint

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
)

// listed returns the addresses of the list, without their port.
func listed(r *Roster) string {
	var names []string
	for _, m := range r.Snapshot().Members {
		names = append(names, strings.TrimSuffix(m.Address(), ":1"))
	}
	return strings.Join(names, " ")
}

func TestAPoolGoesBackToAnEarlierListUntilItIsReleased(t *testing.T) {
	withRoster(t, func(r *Roster) {
		before := r.LastRevision()
		changed := infosOf("b:1", "c:1")
		changed[0].Weight = 7
		r.Replace(changed)
		if _, err := r.Rollback(before, "me", "bad list"); err != nil {
			t.Fatal(err)
		}
		if got := listed(r); got != "a b" || r.Snapshot().Find("b:1").Weight != 1 {
			t.Errorf("the list is %q after the rollback", got)
		}
		r.Replace(infosOf("d:1"))
		if got := listed(r); got != "a b" {
			t.Errorf("the list is %q, though it is frozen", got)
		}
		if !r.Unfreeze("me", "") || r.Unfreeze("me", "") {
			t.Error("it is not released once")
		}
		if got := listed(r); got != "d" {
			t.Errorf("the list is %q after the release", got)
		}
	}, "a:1", "b:1")
}

func TestAFrozenListOutlivesTheDefinition(t *testing.T) {
	withRoster(t, func(r *Roster) {
		if _, err := r.Rollback(r.LastRevision(), "", ""); err != nil {
			t.Fatal(err)
		}
		claim, err := Acquire(Definition{Config: 2, Name: r.Name(), Text: "b", Run: runIdle})
		if err != nil {
			t.Fatal(err)
		}
		defer claim.Release()
		claim.Roster.Replace(infosOf("z:1"))
		if got := listed(claim.Roster); got != "a" {
			t.Errorf("the list of the new definition is %q", got)
		}
		claim.Roster.Unfreeze("", "")
		if got := listed(claim.Roster); got != "z" {
			t.Errorf("the list of the new definition is %q after the release", got)
		}
	}, "a:1")
}

func TestTheHistoryIsBounded(t *testing.T) {
	withRoster(t, func(r *Roster) {
		const size = 3000 // so that 20,000 are exceeded after a few changes
		for round := range 20 {
			addresses := make([]string, size)
			for i := range addresses {
				addresses[i] = fmt.Sprintf("r%d-%d:1", round, i)
			}
			r.Replace(infosOf(addresses...))
		}
		h := &r.pool.history
		if h.undoSize > maxUndo {
			t.Errorf("%d endpoints are kept", h.undoSize)
		}
		var reachable []HistoryEntry
		for _, e := range r.History(0) {
			if e.Rollback {
				reachable = append(reachable, e)
			}
		}
		if len(reachable) < 2 || len(reachable) > 5 {
			t.Fatalf("%d revisions can be gone back to", len(reachable))
		}
		if _, err := r.Rollback(reachable[0].Revision, "", ""); err != nil {
			t.Error(err)
		}
		if _, err := r.Rollback(reachable[0].Revision-1, "", ""); !errors.Is(err, ErrNoSuchRevision) {
			t.Errorf("an earlier one: %v", err)
		}
		if _, err := r.Rollback(r.LastRevision()+1, "", ""); !errors.Is(err, ErrNoSuchRevision) {
			t.Errorf("one to come: %v", err)
		}
		for range 2 * maxHistory {
			r.Emit(Event{Name: BecameHealthy, Address: "a:1"})
		}
		if all := r.History(0); len(all) != maxHistory || all[0].Revision != r.LastRevision()-maxHistory+1 {
			t.Errorf("%d changes are remembered", len(all))
		}
	})
}

func TestListenersHearOfChanges(t *testing.T) {
	withRoster(t, func(r *Roster) {
		changes, stop := r.Changes()
		r.Replace(infosOf("b:1"))
		synctest.Wait()
		select {
		case <-changes:
		default:
			t.Error("a change is not heard of")
		}
		stop()
		r.Replace(infosOf("c:1"))
		select {
		case <-changes:
			t.Error("a change is heard of after stop")
		default:
		}
	}, "a:1")
}
