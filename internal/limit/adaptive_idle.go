package limit

import "github.com/caddy-balance/caddy-balance/internal/load"

// Sent records that a request was sent to the endpoint, with how many it works on then. The first
// request after a long time has no limit: it is not known whether there is still an overload, and
// all of a morning's requests may come at once.
func (a *Adaptive) Sent(now load.Instant, crowd int) {
	if a == nil || crowd > 1 || a.published.Load() == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.wake(now)
}

// wake forgets the limit if the endpoint had no answer for a long time before a request was sent.
func (a *Adaptive) wake(sent load.Instant) {
	if a.seenAt == 0 || sent.Sub(a.seenAt) <= unusedFor {
		return
	}
	a.limit, a.evidence, a.window, a.easing = 0, 0, tally{began: sent}, easing{}
	a.seenAt = sent
	a.rest(sent)
	a.published.Store(0)
}

// rest notes that the endpoint has room.
func (a *Adaptive) rest(now load.Instant) { a.restedAt, a.queue = now, tally{} }
