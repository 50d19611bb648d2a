package healthprobe

import (
	"context"
	"errors"
	"io"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// Probe checks one endpoint once. Implementations are Caddy modules in the namespace
// http.reverse_proxy.upstreams.pool.probes; they may live in any Go module.
//
// An implementation writes Check and starts no goroutine that outlives it. The prober calls Check
// for many endpoints at once, from goroutines of its own, and owns intervals, time limits, counts
// and verdicts. A probe has its own connections and never uses those of the proxy.
type Probe interface {
	// Check returns nil if the endpoint passed. Otherwise it returns the reason, in words for a log
	// line, such as "GET /healthz: status 503"; the line has the address and the time already.
	// Check returns soon after ctx ends, which is the time limit.
	Check(ctx context.Context, t *Target) error
}

// Adviser is a Probe whose endpoints report how they want to be treated besides whether they pass,
// as the agents of HAProxy do. The prober calls Advise instead of Check.
type Adviser interface {
	Probe

	// Advise is Check that also returns the advice of the endpoint. Advice counts even if the check
	// failed.
	Advise(ctx context.Context, t *Target) (Advice, error)
}

// ErrInconclusive is the error of a check that says nothing of the endpoint, whose verdict stays as
// it is. Only an endpoint that waits for its first result no longer waits.
var ErrInconclusive = errors.New("the check was inconclusive")

// Endpoint is what the sources of a pool report of an endpoint: its address, weight, ID, zone and
// metadata. A probe only reads it.
type Endpoint = listing.Info

// Advice is how an endpoint wants to be treated. Fields that are nil keep what earlier advice said.
type Advice = endpoint.Advice

// AdvisedMode is which requests an endpoint wants to get.
type AdvisedMode = endpoint.AdvisedMode

// The modes that an endpoint may ask for.
const (
	AdvisedReady = endpoint.AdvisedReady // all requests
	AdvisedDrain = endpoint.AdvisedDrain // no new requests
	AdvisedMaint = endpoint.AdvisedMaint // no requests at all, even if no other endpoint is usable
)

// Target is an endpoint in the eyes of one probe. An endpoint has the same target in all checks by
// that probe until it leaves the pool. They never overlap, so a probe needs no lock for the target.
type Target struct {
	*Endpoint

	// Kept is what the probe wants to find again at the next check of the same endpoint, such as a
	// connection. The prober closes it after a check that failed, when the endpoint leaves the
	// pool, and when the checks end. Default: nil, so that every check begins from scratch.
	Kept io.Closer

	unknown []string // words of the agent that had no meaning in the last check
	warned  bool     // whether the prober has logged such words
}

func (t *Target) closeKept() {
	if t.Kept != nil {
		_ = recovered.Call("the probe", t.Kept.Close)
		t.Kept = nil
	}
}
