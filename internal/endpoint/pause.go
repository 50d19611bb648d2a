package endpoint

import (
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// Pause makes the endpoint one that asked for no requests for a time. It does nothing and returns
// false if that would leave fewer than half of the list's usable endpoints, because the others
// would have to carry its load. An endpoint that pauses already goes on as it is.
func (r *Roster) Pause(e *Endpoint, d time.Duration, now load.Instant) bool {
	if e.IsPaused() {
		return true
	}
	r.pool.pausing.Lock()
	defer r.pool.pausing.Unlock()
	s := r.Snapshot()
	usable, paused := 0, 1
	for i := range s.Members {
		m := &s.Members[i]
		if m.Weight > 0 && !m.Is(s.Blocking) {
			usable++
			if m.Endpoint != e && m.IsPaused() {
				paused++
			}
		}
	}
	if 2*paused > usable {
		return false
	}
	e.pausedUntil.Store(int64(now) + int64(d))
	return true
}

// IsPaused reports whether the endpoint has asked for no requests now.
func (e *Endpoint) IsPaused() bool {
	until := load.Instant(e.pausedUntil.Load())
	return until != 0 && until > load.Now()
}

// EndPauses ends the pauses of all endpoints of the list, and reports whether there were any.
func (r *Roster) EndPauses() (ended bool) {
	s := r.Snapshot()
	for i := range s.Members {
		if m := &s.Members[i]; m.IsPaused() {
			m.pausedUntil.Store(0)
			ended = true
		}
	}
	return ended
}
