package discovery

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// scripted is a source that the test makes report.
type scripted chan func(Report)

func (s scripted) Run(ctx context.Context, report Report) error {
	for {
		select {
		case say := <-s:
			say(report)
		case <-ctx.Done():
			return nil
		}
	}
}

func (s scripted) list(addresses ...string) {
	s <- func(report Report) {
		infos := []endpoint.Info{}
		for _, a := range addresses {
			infos = append(infos, endpoint.Info{Address: a, Weight: 1})
		}
		report(Answer{Endpoints: infos, Final: true})
	}
	synctest.Wait()
}

func (s scripted) fail(message string) {
	s <- func(report Report) { report(Answer{Err: errors.New(message)}) }
	synctest.Wait()
}

// merging runs a pool of two sources in a bubble.
func merging(t *testing.T, test func(t *testing.T, first, second scripted, r *endpoint.Roster, log *observer.ObservedLogs)) {
	synctest.Test(t, func(t *testing.T) {
		core, log := observer.New(zap.InfoLevel)
		first, second := make(scripted), make(scripted)
		claim, err := endpoint.Acquire(endpoint.Definition{
			Config: t, Name: t.Name(), Holder: endpoint.Holder{Logger: zap.New(core)},
			Run: func(ctx context.Context, r *endpoint.Roster) { run(ctx, t.Name(), []Source{first, second}, r) },
		})
		if err != nil {
			t.Fatal(err)
		}
		defer claim.Release()
		test(t, first, second, claim.Roster, log)
	})
}

func has(t *testing.T, r *endpoint.Roster, want string) {
	t.Helper()
	var got []string
	for _, m := range r.Snapshot().Members {
		got = append(got, m.Address())
	}
	if strings.Join(got, " ") != want {
		t.Errorf("the pool has %q, want %q", got, want)
	}
}

func TestSourcesAreMergedInTheOrderOfAddresses(t *testing.T) {
	merging(t, func(t *testing.T, first, second scripted, r *endpoint.Roster, _ *observer.ObservedLogs) {
		second.list("d:1", "b:1")
		first.list("c:1", "a:1")
		has(t, r, "a:1 b:1 c:1 d:1")
	})
}

func TestTheFirstSourceWinsOnADuplicateAddress(t *testing.T) {
	merging(t, func(t *testing.T, first, second scripted, r *endpoint.Roster, _ *observer.ObservedLogs) {
		weigh := func(s scripted, weight int) {
			s <- func(report Report) {
				report(Answer{Endpoints: []endpoint.Info{{Address: "a:1", Weight: weight}}, Final: true})
			}
			synctest.Wait()
		}
		weigh(second, 2)
		weigh(first, 1)
		weigh(second, 3)
		if w := r.Snapshot().Find("a:1").Weight; w != 1 {
			t.Errorf("weight is %d, want that of the first source", w)
		}
	})
}

func TestASourceThatFailsTakesNothingAway(t *testing.T) {
	merging(t, func(t *testing.T, first, second scripted, r *endpoint.Roster, log *observer.ObservedLogs) {
		first.list("a:1")
		second.list("b:1")
		first.fail("registry is down")
		second.list("b:1", "c:1")
		has(t, r, "a:1 b:1 c:1")
		if log.FilterMessage("discovery failed").Len() != 1 {
			t.Errorf("the log says %v", log.All())
		}
	})
}

func TestAnEmptyListIsAnAnswerAndAnErrorIsNone(t *testing.T) {
	merging(t, func(t *testing.T, first, second scripted, r *endpoint.Roster, _ *observer.ObservedLogs) {
		answered := func() bool {
			select {
			case <-r.Answered():
				return true
			default:
				return false
			}
		}
		first.fail("not yet")
		if answered() {
			t.Error("an error counts as an answer")
		}
		second.list()
		if !answered() {
			t.Error("an empty list does not count as an answer")
		}
	})
}

func TestOneLineIsLoggedForEachChange(t *testing.T) {
	merging(t, func(t *testing.T, first, _ scripted, _ *endpoint.Roster, log *observer.ObservedLogs) {
		first.list("a:1", "b:1", "c:1", "d:1", "e:1", "f:1", "g:1")
		first.list("a:1", "b:1", "c:1", "d:1", "e:1", "f:1", "g:1")
		first.list("a:1")
		lines := log.FilterMessage("pool changed").All()
		if len(lines) != 2 {
			t.Fatalf("%d lines for two changes", len(lines))
		}
		added, removed := lines[0].ContextMap(), lines[1].ContextMap()
		if added["added"] != int64(7) || len(added["added_addresses"].([]any)) != firstFew || removed["removed"] != int64(6) {
			t.Errorf("logged %v and %v", added, removed)
		}
	})
}

func TestReleasingThePoolEndsItsSources(t *testing.T) {
	merging(t, func(t *testing.T, first, _ scripted, _ *endpoint.Roster, _ *observer.ObservedLogs) {
		first.list("a:1")
		time.Sleep(time.Hour) // the bubble fails if anything is left when the test ends
	})
}
