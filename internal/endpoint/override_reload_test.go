package endpoint

import (
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// named is a list of one endpoint with an id.
func named(id string) []listing.Info { return []listing.Info{{Address: "a:1", Weight: 1, ID: id}} }

// redefine runs another definition of the pool of r beside it, which names its endpoint otherwise.
func redefine(t *testing.T, r *Roster) *Claim {
	t.Helper()
	claim, err := Acquire(Definition{Config: 2, Name: r.Name(), Text: "b", Run: runIdle})
	if err != nil {
		t.Fatal(err)
	}
	claim.Roster.Replace(named("new"))
	return claim
}

func TestAConfigThatFailsToLoadEndsNoOverride(t *testing.T) {
	withRoster(t, func(r *Roster) {
		if err := override(r, r.Snapshot().Find("a:1"), Override{State: OverrideMaintenance}, true); err != nil {
			t.Fatal(err)
		}
		redefine(t, r).Release()
		if m := r.Snapshot().Find("a:1"); m.Override() == nil || m.Weight != 0 {
			t.Error("the override has ended")
		}
	}, "a:1")
}

func TestAnOverrideEndsWithTheDefinitionThatHasItsEndpoint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		before, err := Acquire(Definition{Config: 1, Name: t.Name(), Text: "a", Run: runIdle})
		if err != nil {
			t.Fatal(err)
		}
		before.Roster.Replace(named("old"))
		m := before.Roster.Snapshot().Find("a:1")
		if err := override(before.Roster, m, Override{State: OverrideMaintenance}, true); err != nil {
			t.Fatal(err)
		}
		after := redefine(t, before.Roster)
		defer after.Release()
		if m.Override() == nil {
			t.Error("the override ends while the old config serves")
		}
		before.Release()
		if m.Override() != nil || len(after.Roster.Control().Overrides) != 0 {
			t.Error("another endpoint inherits the override")
		}
	})
}

func TestAnOverrideThatIsRestoredLateIsNotThatOfAnotherEndpoint(t *testing.T) {
	withRoster(t, func(r *Roster) {
		r.Replace(named("new"))
		stored := Control{Overrides: map[string]*Override{"a:1": {State: OverrideMaintenance, ID: "old"}}}
		r.RestoreControl(stored, time.Now())
		if m := r.Snapshot().Find("a:1"); m.Override() != nil || len(r.Control().Overrides) != 0 {
			t.Error("another endpoint inherits the override")
		}
	})
}

func TestTheHistoryKnowsTheListThatComesBackWhenAConfigFailsToLoad(t *testing.T) {
	withRoster(t, func(r *Roster) {
		claim := redefine(t, r)
		claim.Roster.Replace(infosOf("z:1"))
		failed := r.LastRevision()
		claim.Release()
		if _, err := r.Rollback(failed, "", ""); err != nil || listed(r) != "z" {
			t.Errorf("the list of the failed config: %q, %v", listed(r), err)
		}
		r.Unfreeze("", "")
		r.Replace(infosOf("c:1"))
		if _, err := r.Rollback(failed+2, "", ""); err != nil || listed(r) != "a b" {
			t.Errorf("the list after it: %q, %v", listed(r), err)
		}
	}, "a:1", "b:1")
}

// The list changes all the time between {a} and {a, b}. What a revision left must come back.
func TestARollbackWhileTheListChangesIsExact(t *testing.T) {
	claim, err := Acquire(Definition{Config: 1, Name: t.Name(), Text: "a", Run: runIdle})
	if err != nil {
		t.Fatal(err)
	}
	defer claim.Release()
	r := claim.Roster
	r.Replace(infosOf("a:1"))
	var changing sync.WaitGroup
	stop := make(chan struct{})
	changing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				r.Replace([][]listing.Info{infosOf("a:1", "b:1"), infosOf("a:1")}[i%2])
			}
		}
	})
	for range 2000 {
		r.pool.history.mu.Lock()
		last := r.pool.history.entries[len(r.pool.history.entries)-1]
		r.pool.history.mu.Unlock()
		if last.Kind != KindMembership {
			continue
		}
		r.mu.Lock()
		infos, ok := r.pool.history.membershipAt(last.Revision, r.Snapshot())
		r.mu.Unlock()
		if ok && len(infos) != *last.Endpoints {
			t.Fatalf("revision %d had %d endpoints, and %d come back", last.Revision, *last.Endpoints, len(infos))
		}
	}
	close(stop)
	changing.Wait()
}

func TestAnOverrideIsDecidedOnWhatHoldsThen(t *testing.T) {
	withRoster(t, func(r *Roster) {
		const operators = 20
		m := r.Snapshot().Find("a:1")
		var all sync.WaitGroup
		for range operators {
			all.Go(func() {
				_, err := r.SetOverride(m, false, func(before *Override) (Override, error) {
					weight := 1
					if before != nil {
						weight += *before.Weight
					}
					return Override{Weight: &weight}, nil
				})
				if err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if got := *m.Override().Weight; got != operators {
			t.Errorf("%d of %d decisions hold", got, operators)
		}
		refusal := errors.New("no")
		if err := r.ClearOverride("a:1", "", "", func(*Override) error { return refusal }); !errors.Is(err, refusal) {
			t.Errorf("it ends in spite of the refusal: %v", err)
		}
	}, "a:1")
}

func TestAPoolDoesNotGoBackToAnEmptyList(t *testing.T) {
	withRoster(t, func(r *Roster) {
		r.Replace(infosOf())
		empty := r.LastRevision()
		r.Replace(infosOf("b:1"))
		if _, err := r.Rollback(empty, "", ""); !errors.Is(err, ErrEmptyRevision) || listed(r) != "b" {
			t.Errorf("the list is %q: %v", listed(r), err)
		}
	}, "a:1")
}
