package lbpolicy

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// watchInterval is the time between two looks at the groups.
const watchInterval = time.Second

// isWatched reports whether the groups have to be looked at over time.
func (ro *rollout) isWatched() bool {
	hasSteps := func(g SplitGroup) bool { return len(g.Steps) > 0 }
	return ro.guard != nil || slices.ContainsFunc(ro.groups, hasSteps)
}

// watch looks at the groups of a roster's pool until stop is called, which waits for the look that
// is under way.
func (ro *rollout) watch(r *endpoint.Roster) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	deaf := func() {}
	if ro.guard != nil {
		deaf = r.ListenToResults(ro.observe)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		tick := time.NewTicker(watchInterval)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case now := <-tick.C:
				ro.look(now)
			}
		}
	}()
	return func() {
		deaf()
		cancel()
		<-done
	}
}

// look acts on what the groups did lately. It follows the newest definition of the pool, because
// that of a config which failed to load has ended.
func (ro *rollout) look(now time.Time) {
	if newest := endpoint.Current(ro.roster.Load().Name()); newest != nil {
		ro.roster.Store(newest)
	}
	if ro.guard != nil {
		ro.guardGroups(now)
	}
	ro.advanceGroups(now)
}

// observe counts the result of an attempt for the guard.
func (ro *rollout) observe(e *endpoint.Endpoint, r endpoint.Result) {
	if r.Route == nil || r.Trial {
		return
	}
	m := ro.roster.Load().Snapshot().Find(e.Address())
	if m == nil {
		return
	}
	if g := groupOf(ro.groups, m.Info); g >= 0 {
		ro.guard.add(g, &r)
	}
}

// groupGuard compares groups with the default one.
type groupGuard struct {
	SplitGuard
	current atomic.Pointer[splitTally]
	answers [maxGroups]atomic.Uint64 // of all windows
	enough  [maxGroups]atomic.Bool   // whether there was enough to compare, also of its step alone

	// What follows belongs to the watch.
	before  *splitTally // of the window before
	since   time.Time   // when the window began; zero before the first look
	judged  [maxGroups]uint64
	stepped [maxGroups]uint64 // the number of answers when the step of the group began
	stopped [maxGroups]bool
}

func newGroupGuard(settings SplitGuard) *groupGuard {
	g := &groupGuard{SplitGuard: settings, before: new(splitTally)}
	g.current.Store(new(splitTally))
	return g
}

// add counts the result of an attempt.
func (g *groupGuard) add(group int, r *endpoint.Result) {
	if !r.Late {
		g.answers[group].Add(1)
	}
	g.current.Load().add(group, r)
}

// beginStep makes the guard wait for enough answers that a group gives with its new share. With
// more requests it may do worse, and answers of the smaller share say nothing of that.
func (g *groupGuard) beginStep(group int) {
	g.stepped[group] = g.answers[group].Load()
	g.enough[group].Store(false)
}

// turn begins a new window when the one that runs is over.
func (g *groupGuard) turn(now time.Time) {
	if g.since.IsZero() {
		g.since = now
	}
	if now.Sub(g.since) >= time.Duration(g.Window) {
		g.before, g.since = g.current.Swap(new(splitTally)), now
		clear(g.judged[:])
	}
}

// forget forgets all answers, because they are those of what was stopped.
func (g *groupGuard) forget(now time.Time) {
	g.before, g.since = new(splitTally), now
	g.current.Store(new(splitTally))
	clear(g.judged[:])
	for i := range g.enough {
		g.beginStep(i)
	}
}

// guardGroups stops the groups that are worse than the default one.
func (ro *rollout) guardGroups(now time.Time) {
	guard, shares := ro.guard, ro.table().shares
	guard.turn(now)
	for i, share := range shares {
		if guard.stopped[i] && share > 0 {
			guard.forget(now) // an operator gives it another chance
		}
		guard.stopped[i] = share == 0
	}
	for i, share := range shares {
		if i == ro.standard || share == 0 {
			continue
		}
		compared := guard.enough[i].Load()
		why := guard.look(i, ro.standard, ro.groups[ro.standard].Name)
		if compared && !guard.enough[i].Load() && shares[ro.standard] == 0 {
			ro.warnOfBlindness(i)
		}
		if why != "" {
			ro.stopGroup(i, why, now)
			guard.stopped[i] = true // at once, as an operator may start it again before the next look
		}
	}
}

// warnOfBlindness says that a group is not guarded any more.
func (ro *rollout) warnOfBlindness(group int) {
	r := ro.roster.Load()
	r.Logger().Warn("guard cannot judge a group any more, because the default group gets no requests",
		zap.String("pool", r.Name()), zap.String("group", ro.groups[group].Name))
}

// look returns why a group is worse than the standard, "" if it is not. It compares again once
// there is a tenth more to compare, because each comparison is a chance to be wrong, and once there
// is enough of a new step.
func (g *groupGuard) look(group, standard int, name string) (why string) {
	routes := compared([]*splitTally{g.before, g.current.Load()}, group, standard)
	var answers uint64
	for i := range routes {
		answers += routes[i].group.answers
	}
	if answers < uint64(g.MinRequests) {
		g.enough[group].Store(false)
		return ""
	}
	ofStep := g.answers[group].Load()-g.stepped[group] >= uint64(g.MinRequests)
	grown := answers >= g.judged[group]+g.judged[group]/10 && answers > g.judged[group]
	if !grown && (g.enough[group].Load() || !ofStep) {
		return ""
	}
	why, enough := g.judge(routes, name)
	g.enough[group].Store(enough && ofStep)
	if enough {
		g.judged[group] = answers
	}
	return why
}

// statusOf says what the guard makes of a group.
func (g *groupGuard) statusOf(group int, set *endpoint.GroupState) string {
	switch {
	case set != nil && set.By == guardName:
		return endpoint.GuardStopped
	case g.enough[group].Load():
		return endpoint.GuardContent
	}
	return endpoint.GuardWaits
}

// guardName stands for the guard among the operators.
const guardName = "guard"

// errStopped says that a group has no share any more.
var errStopped = errors.New("the group is stopped already")

// stopGroup sets the share of a group to 0.
func (ro *rollout) stopGroup(i int, why string, now time.Time) {
	roster, none := ro.roster.Load(), 0.
	state := endpoint.GroupState{Share: &none, By: guardName, Reason: why, Since: now}
	err := roster.SetGroup(ro.keys[i], endpoint.HistoryEntry{}, func(before endpoint.GroupState) (
		endpoint.GroupState, error,
	) {
		if before.Share != nil && *before.Share == 0 {
			return before, errStopped
		}
		return state, nil
	})
	if err == nil {
		roster.Emit(endpoint.Event{Name: endpoint.GroupStopped, Group: ro.groups[i].Name, Reason: why})
	}
}
