package endpoint

import (
	"context"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// recomputePause is the minimum time between two computations of the shares. Conditions count at
// once without one; a computation only hands the share of an unusable endpoint to the others.
const recomputePause = 100 * time.Millisecond

// recomputeShare is the maximum part of its time that a roster spends on computing shares and on
// tables. It matters where those for 10,000 endpoints take tens of milliseconds.
const recomputeShare = 0.1

// recomputeLoop computes the shares again after changes, and while ramps rise, until ctx ends.
func (r *Roster) recomputeLoop(ctx context.Context) {
	step := time.NewTimer(time.Hour)
	defer step.Stop()
	for {
		step.Stop()
		if pause := r.untilNextStep(); pause > 0 {
			step.Reset(pause)
		}
		select {
		case <-ctx.Done():
			return
		case <-r.dirty.C():
		case <-step.C:
		}
		start := time.Now()
		r.recomputeNow()
		pause := max(recomputePause, time.Duration(float64(time.Since(start))/recomputeShare))
		select {
		case <-ctx.Done():
			return
		case <-time.After(pause):
		}
	}
}

// untilNextStep returns the time after which shares change without an event, 0 if they do not.
func (r *Roster) untilNextStep() (pause time.Duration) {
	s := r.Snapshot()
	if s.ramping {
		pause = rampStep(r.rules.SlowStart)
	}
	if r.reporting.Load() && (pause == 0 || reportStep < pause) {
		pause = reportStep
	}
	return pause
}

// CatchUp recomputes the shares at once if anything changed since the last time, and reports
// whether the current snapshot differs from the one seen. Picks that find no usable endpoint call
// it, as after the last usable endpoint failed. They run on requests, so the subscribers are called
// later, by the goroutine that recomputes.
func (r *Roster) CatchUp(seen *Snapshot) bool {
	if r.subset != nil {
		r.subset.catchUp(r)
		return r.Snapshot() != seen
	}
	if r.isBehind() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.isBehind() { // no other goroutine has caught up meanwhile
			r.recomputeLocked()
			r.dirty.Set()
		}
	}
	return r.Snapshot() != seen
}

// isBehind reports whether a change has begun that the published snapshot may lack.
func (r *Roster) isBehind() bool { return r.included.Load() != r.pool.changesBegun.Load() }

func (r *Roster) recomputeNow() {
	r.mu.Lock()
	r.recomputeLocked()
	r.mu.Unlock()
	r.subscribers.notify(r)
}

func (r *Roster) recomputeLocked() {
	// This load comes first, because a change that ends from now on may be missed below.
	changes := r.pool.changesEnded.Load()
	old := r.snapshot.Load()
	if s := r.recompute(memberCopies(old), old); !s.sameShares(old) {
		r.publish(s)
	}
	// This store comes last, because a pick takes it to mean that the changes are published.
	r.included.Store(changes)
}

func memberCopies(s *Snapshot) []Member { return slices.Clone(s.Members) }

// recompute returns the snapshot that follows old for these members.
func (r *Roster) recompute(members []Member, old *Snapshot) *Snapshot {
	now := load.Now()
	if r.rules.SlowStart > 0 {
		r.startRamps(members, old, now)
	}
	if r.rules.LoadReports {
		restartReports(members, old)
	}
	s := r.rules.snapshot(members, now)
	r.reporting.Store(s.reporting)
	s.continueMode(old)
	s.index(old)
	r.announce(s, old)
	return s
}

// startRamps starts the ramp of each endpoint that begins to serve in a running pool: one that is
// new, that was not usable, or that was half-open. At the start of a pool all endpoints are new and
// there is no traffic to shift, so none of them ramps.
func (r *Roster) startRamps(members []Member, old *Snapshot, now load.Instant) {
	running := r.Running() && old.Mode != None
	for i := range members {
		m := &members[i]
		m.halfOpen = m.Is(HalfOpen & r.rules.Watched)
		before := old.Find(m.Address())
		switch {
		case !running:
			m.servingSince.Store(0)
		case before == nil || before.Weight == 0 || before.halfOpen:
			m.servingSince.Store(int64(now))
		}
	}
}
