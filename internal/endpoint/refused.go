package endpoint

import (
	"net/netip"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

const (
	// leftOutFor is how long an endpoint is left out at first after it refused a connection. The
	// time doubles with each refusal that follows soon, up to maxLeftOut. A request that comes too
	// early costs one refused connection.
	leftOutFor = 10 * time.Second

	maxLeftOut = 5 * time.Minute
)

// refusal is what is known of refused connections of an endpoint.
type refusal struct {
	mu    sync.Mutex
	pause time.Duration // the last time for which the endpoint was left out
	until load.Instant  // its end
}

// LeaveOut makes the endpoint [Refused] for a time, and reports whether it begins to refuse: it did
// not a while ago.
func (e *Endpoint) LeaveOut(now load.Instant) (begins bool) {
	r := &e.refusal
	r.mu.Lock()
	defer r.mu.Unlock()
	if e.Is(Refused) {
		return false
	}
	begins = r.pause == 0 || now.Sub(r.until) > 2*r.pause
	if r.pause = min(2*r.pause, maxLeftOut); begins {
		r.pause = leftOutFor
	}
	r.until = now + load.Instant(r.pause)
	e.Set(Refused, true)
	time.AfterFunc(r.pause, func() { e.Set(Refused, false) })
	return begins
}

// IsSibling reports whether two members may be the same server, reached over the two families of IP
// addresses: they have the same host name and port. Names that no source knows count as the same.
func (m *Member) IsSibling(other *Member) bool {
	a, errA := netip.ParseAddrPort(m.address)
	b, errB := netip.ParseAddrPort(other.address)
	return errA == nil && errB == nil && m.Info.Host == other.Info.Host &&
		a.Port() == b.Port() && a.Addr().Is4() != b.Addr().Is4()
}
