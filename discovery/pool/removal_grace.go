package pool

import (
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// leaverInterval is how soon a leaver goes once its probes fail.
const lingerCheckInterval = time.Second

// leavers are the endpoints that a source no longer names and that go on serving for a grace: until it is over or their
// probes fail, whichever comes first. Without probes nothing speaks against them, so they have the
// whole grace. Envoy has the same rule for hosts that are absent and pass.
type lingering struct {
	grace  time.Duration
	passes func(address string) bool // as far as probes tell

	all     []lingerer // in the order of addresses
	checked time.Time
}

type lingerer struct {
	info  listing.Info
	until time.Time
}

// update takes up who left between two lists, and lets go of who came back. An endpoint that
// got nothing new any more may leave.
func (l *lingering) update(before, after []listing.Info, now time.Time) {
	if l.grace == 0 {
		return
	}
	until := make(map[string]time.Time, len(l.all))
	for i := range l.all {
		until[l.all[i].info.Address] = l.all[i].until
	}
	gone := without(union(before, l.list()), after)
	l.all, l.checked = nil, now
	for _, info := range gone {
		at, left := until[info.Address]
		if !left {
			at = now.Add(l.grace)
		}
		if info.Serving() {
			l.all = append(l.all, lingerer{info, at})
		}
	}
}

// expire lets go of those whose time is over or whose probes fail.
func (l *lingering) expire(now time.Time) {
	l.checked = now
	l.all = slices.DeleteFunc(l.all, func(one lingerer) bool {
		return !now.Before(one.until) || !l.passes(one.info.Address)
	})
}

// due is when to look at them again; zero if there are none.
func (l *lingering) nextDeadline() time.Time {
	if len(l.all) == 0 {
		return time.Time{}
	}
	at := l.checked.Add(lingerCheckInterval)
	for i := range l.all {
		at = earliest(at, l.all[i].until)
	}
	return at
}

// clear lets go of all.
func (l *lingering) clear() { l.all = nil }

func (l *lingering) list() []listing.Info {
	var list []listing.Info
	for i := range l.all {
		list = append(list, l.all[i].info)
	}
	return list
}
