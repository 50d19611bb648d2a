package healthprobe

import (
	"context"
	"io"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Probe asks one endpoint once how it is. It is the guest of a pool's health settings, in the namespace
// http.reverse_proxy.upstreams.pool.probes. It has connections of its own, never the proxy's.
//
// An implementer writes Check and starts no goroutine that outlives it: the prober calls it, for many
// endpoints at once, and keeps intervals, time limits, counts and verdicts.
type Probe interface {
	// Check returns nil if the endpoint passed, and else why it did not, in words for a log line
	// such as "GET /healthz: status 503". It returns soon after ctx ends, which is the time limit.
	Check(ctx context.Context, t *Target) error
}

// Adviser is a Probe whose endpoints say more of themselves than whether they pass. The prober calls
// Advise instead of Check.
type Adviser interface {
	Probe
	Advise(ctx context.Context, t *Target) (endpoint.Advice, error)
}

// Target is an endpoint that a probe checks. It is the same one at each check until the endpoint leaves, and its checks come
// one after the other, so that a probe needs no lock for it.
type Target struct {
	*listing.Info

	// Kept is what the probe wants to find again at the next check, such as a connection, or nil. The prober closes it
	// after a check that failed, when the endpoint leaves, and when the checks end.
	Kept io.Closer
}

func (t *Target) closeKept() {
	if t.Kept != nil {
		t.Kept.Close()
		t.Kept = nil
	}
}
