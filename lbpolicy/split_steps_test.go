package lbpolicy

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// stepped is a canary with the steps 5% 10m, 25% 30m, 100% in a pool with one endpoint of each
// version.
type stepped struct {
	*rollout
	t   *testing.T
	now time.Time
}

func newStepped(t *testing.T, guard *SplitGuard) *stepped {
	t.Helper()
	return newSteppedOf(t, checkedPool(t), guard)
}

func newSteppedOf(t *testing.T, roster *endpoint.Roster, guard *SplitGuard) *stepped {
	t.Helper()
	roster.RestoreControl(endpoint.Control{}, time.Now())
	roster.Replace([]listing.Info{
		{Address: "a:1", Weight: 1}, {Address: "b:1", Weight: 1, Metadata: map[string]string{"version": "v2"}},
	})
	groups := []SplitGroup{{Name: "stable"}, {
		Name: "canary", Match: map[string]string{"version": "v2"},
		Steps: []SplitStep{
			{Share: 5, For: caddy.Duration(10 * time.Minute)},
			{Share: 25, For: caddy.Duration(30 * time.Minute)},
			{Share: 100},
		},
	}}
	s := &stepped{newRollout(groups, 0, guard), t, time.Now()}
	s.rollout.roster.Store(roster)
	return s
}

// after looks at the groups each minute for a time, and expects a share then.
func (s *stepped) after(d time.Duration, want float64) {
	s.t.Helper()
	for end := s.now.Add(d); s.now.Before(end); {
		s.now = s.now.Add(time.Minute)
		s.look(s.now)
	}
	if got := s.Groups(s.roster.Load())[1]; got.Share != want {
		s.t.Errorf("after %v it has %v %%, want %v: %+v", d, got.Share, want, got)
	}
}

func (s *stepped) set(state endpoint.GroupState) {
	decide := func(endpoint.GroupState) (endpoint.GroupState, error) { return state, nil }
	if err := s.roster.Load().SetGroup(s.keys[1], endpoint.HistoryEntry{}, decide); err != nil {
		s.t.Fatal(err)
	}
}

func TestAGroupTakesItsStepsByItself(t *testing.T) {
	s := newStepped(t, nil)
	s.after(0, 5)
	s.after(9*time.Minute, 5)
	s.after(2*time.Minute, 25)
	s.after(29*time.Minute, 25)
	s.after(time.Minute, 100)
	s.after(time.Hour, 100)
}

func TestAShareThatIsSetComesBeforeTheSteps(t *testing.T) {
	s := newStepped(t, nil)
	s.after(15*time.Minute, 25)
	share := 7.
	s.set(endpoint.GroupState{Share: &share})
	s.after(2*time.Hour, 7)
	s.set(endpoint.GroupState{}) // left to the config
	s.after(5*time.Minute, 5)
	s.after(10*time.Minute, 25)
}

func TestAGroupWithoutAUsableEndpointTakesNoStep(t *testing.T) {
	s := newStepped(t, nil)
	canary := s.roster.Load().Snapshot().Find("b:1")
	canary.Replace(0, endpoint.ProbeFailed)
	s.after(time.Hour, 5)
	canary.Replace(endpoint.ProbeFailed, 0)
	s.roster.Load().CatchUp(s.roster.Load().Snapshot()) // as the pool does by itself a moment later
	s.after(10*time.Minute, 5)
	s.after(2*time.Minute, 25)
}

func TestAGroupTakesNoStepUntilTheGuardIsContent(t *testing.T) {
	guard := new(SplitGuard)
	if err := guard.check(); err != nil {
		t.Fatal(err)
	}
	s := newStepped(t, guard)
	s.after(time.Hour, 5)
	c := &comparison{groupGuard: s.guard}
	send := func(failed bool) {
		for range 200 {
			c.answer(0, "/", false, time.Millisecond)
			c.answer(1, "/", failed, time.Millisecond)
		}
	}
	send(false)
	s.after(time.Minute, 25)
	send(true)
	s.after(time.Minute, 0)
	if got := s.Groups(s.roster.Load())[1]; got.Guard != endpoint.GuardStopped || got.Set == nil || got.Step != nil {
		t.Errorf("it is %+v", got)
	}
	s.after(time.Hour, 0)
	s.set(endpoint.GroupState{}) // it is repaired
	s.after(time.Hour, 5)
	send(false)
	s.after(time.Minute, 25)
}

func TestEachStepWaitsForAnswersOfItsOwn(t *testing.T) {
	guard := &SplitGuard{Window: caddy.Duration(24 * time.Hour)}
	if err := guard.check(); err != nil {
		t.Fatal(err)
	}
	s := newStepped(t, guard)
	c := &comparison{groupGuard: s.guard}
	send := func(n int) {
		for range n {
			c.answer(0, "/", false, time.Millisecond)
			c.answer(1, "/", false, time.Millisecond)
		}
	}
	s.after(time.Minute, 5)
	send(2000)
	s.after(11*time.Minute, 25)
	s.after(time.Hour, 25)
	send(guard.MinRequests - 1)
	s.after(time.Minute, 25)
	if got := s.Groups(s.roster.Load())[1]; got.Guard != endpoint.GuardWaits {
		t.Errorf("it is %+v", got)
	}
	send(1)
	s.after(time.Minute, 100)
}

// The step is stored with what operators decide.
func TestAStepIsKept(t *testing.T) {
	s := newStepped(t, nil)
	s.after(15*time.Minute, 25)
	stored := s.roster.Load().Control()
	again := newRollout(s.groups, 0, nil)
	again.roster.Store(s.roster.Load())
	if got := again.Groups(s.roster.Load())[1]; got.Share != 25 || got.Step.Number != 2 || len(stored.Groups) != 1 {
		t.Errorf("it is %+v", got)
	}
}

// other makes the canary have the steps of another config. Their times are 10 minutes.
func (s *stepped) other(shares ...float64) *stepped {
	groups := []SplitGroup{s.groups[0], s.groups[1]}
	groups[1].Steps = nil
	for _, share := range shares {
		groups[1].Steps = append(groups[1].Steps, SplitStep{share, caddy.Duration(10 * time.Minute)})
	}
	again := &stepped{newRollout(groups, 0, nil), s.t, s.now}
	again.rollout.roster.Store(s.roster.Load())
	return again
}

func TestAReloadWithOtherStepsGivesAGroupNoMoreThanItHasReached(t *testing.T) {
	for _, c := range []struct {
		reached float64 // with the steps 5% 10m, 25% 30m, 100%
		shares  []float64
		atOnce  float64
		then    float64
	}{
		{25, []float64{5, 100}, 5, 100},
		{25, []float64{5, 40, 100}, 5, 40},
		{25, []float64{5, 10, 15, 100}, 15, 100},
		{25, []float64{1, 2}, 2, 2},
		{25, []float64{50, 100}, 50, 100}, // it names no less
		{25, []float64{20, 10, 100}, 20, 10},
		{100, []float64{5, 25}, 25, 25},
		{100, []float64{5, 50, 100}, 100, 100},
	} {
		t.Run(fmt.Sprint(c.reached, c.shares), func(t *testing.T) {
			s := newStepped(t, nil)
			s.after(15*time.Minute, 25)
			if c.reached > 25 {
				s.after(time.Hour, c.reached)
			}
			other := s.other(c.shares...)
			other.after(0, c.atOnce)
			other.after(10*time.Minute, c.atOnce)
			other.after(2*time.Minute, c.then)
		})
	}
}

func TestTheTimeOfAStepGoesOnOverAReloadThatLeavesItsShare(t *testing.T) {
	s := newStepped(t, nil)
	s.after(15*time.Minute, 25)
	other := s.other(25, 50)
	other.after(5*time.Minute, 25)
	other.after(2*time.Minute, 50)
}
