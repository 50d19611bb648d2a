package endpoint

import (
	"context"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// workPause is the least time between two workings-out of the shares. Conditions count at once
// anyway; this is about the others' part in what is left.
const recomputePause = 100 * time.Millisecond

// workShare is the part of its time that a roster works at most, which matters where tables
// for 10,000 endpoints take tens of milliseconds.
const recomputeShare = 0.1

// keep works out the shares anew when something changed, and as ramps rise, until ctx ends.
func (r *Roster) recomputeLoop(ctx context.Context) {
	step := time.NewTimer(time.Hour)
	defer step.Stop()
	for {
		step.Stop()
		if r.Snapshot().rising {
			step.Reset(rampStep(r.rules.SlowStart))
		}
		select {
		case <-ctx.Done():
			return
		case <-r.dirty:
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

func (r *Roster) wake() {
	select {
	case r.dirty <- struct{}{}:
	default:
	}
}

// CatchUp works out the shares at once if anything changed since the last time, and reports whether there is another
// snapshot than the one seen. It is for picks that find nobody there, as after the last usable endpoint failed.
func (r *Roster) CatchUp(seen *Snapshot) bool {
	if r.behind() {
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.behind() { // nobody else has done it meanwhile
			r.recomputeLocked()
		}
	}
	return r.Snapshot() != seen
}

func (r *Roster) behind() bool { return r.included.Load() != r.pool.begun.Load() }

func (r *Roster) recomputeNow() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.recomputeLocked()
}

func (r *Roster) recomputeLocked() {
	changes := r.pool.ended.Load() // first, or one that comes now would be missed
	old := r.snapshot.Load()
	if s := r.recompute(memberCopies(old), old); !s.sameShares(old) {
		r.publish(s)
	}
	r.included.Store(changes) // last, or a pick would believe that it is all in the snapshot already
}

func memberCopies(s *Snapshot) []Member { return slices.Clone(s.Members) }

// workOut makes the snapshot that follows old for these members.
func (r *Roster) recompute(members []Member, old *Snapshot) *Snapshot {
	now := load.Now()
	if r.rules.SlowStart > 0 {
		r.startRamps(members, old, now)
	}
	s := r.rules.share(members, now)
	s.index(old)
	r.announce(s, old)
	return s
}

// rise starts the ramp of whoever begins to serve in a running pool: it is new, it was not usable, or it
// was on trial. At the start of a pool everybody is new, so nobody is spared.
func (r *Roster) startRamps(members []Member, old *Snapshot, now load.Instant) {
	running := r.Running() && old.Mode != None
	for i := range members {
		m := &members[i]
		m.trial = m.Is(HalfOpen & r.rules.Watched)
		was := old.Find(m.Address())
		switch {
		case !running:
			m.rising.Store(0)
		case was == nil || was.Weight == 0 || was.trial:
			m.rising.Store(int64(now))
		}
	}
}
