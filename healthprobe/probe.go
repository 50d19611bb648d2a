package healthprobe

import (
	"context"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Probe asks one endpoint once how it is. It is the guest of a pool's health settings, in the namespace
// http.reverse_proxy.upstreams.pool.probes. It has connections of its own, never the proxy's.
//
// An implementer writes Check and starts no goroutine that outlives it: the prober calls it, for many
// endpoints at once, and keeps intervals, time limits, counts and verdicts.
type Probe interface {
	// Check returns nil if the endpoint passed, and else why it did not, in words for a log line
	// such as "GET /healthz: status 503". It returns soon after ctx ends, which is the time limit.
	Check(ctx context.Context, target *endpoint.Info) error
}

// Adviser is a Probe whose endpoints say more of themselves than whether they pass. The prober calls
// Advise instead of Check.
type Adviser interface {
	Probe
	Advise(ctx context.Context, target *endpoint.Info) (endpoint.Advice, error)
}
