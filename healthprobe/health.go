package healthprobe

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func init() { caddy.RegisterModule(new(Health)) }

// Health checks the endpoints of a pool in the background, whatever source named them, and keeps those that
// fail from getting requests.
//
// An endpoint becomes unhealthy after `fall` failures in a row and healthy again after `rise` passes in a row.
// Only its very first result decides at once, as it is all that is known. Verdicts belong to the pool: a reload that
// changes only intervals or counts keeps them; one that changes the probe keeps them until the first result of the new
// one. Two pools that check the same address do not mix.
//
// Checks are spread over the interval, so that thousands of endpoints are not checked in one instant; an endpoint whose
// verdict may be about to change is looked at more often. Checks that hang wait for one another at worst, never
// in front of others.
//
// If no endpoint is left, see `fail_open` of the pool.
type Health struct {
	// How to check an endpoint. Required.
	ProbeRaw json.RawMessage `json:"probe,omitempty" caddy:"namespace=http.reverse_proxy.upstreams.pool.probes inline_key=probe"`

	// How long it is from one check of an endpoint to the next, give or take a tenth. Default: 5s.
	Interval caddy.Duration `json:"interval,omitempty"`

	// The interval while results speak against the verdict. Default: a fifth of `interval`.
	FastInterval caddy.Duration `json:"fast_interval,omitempty"`

	// How long a check may take before it counts as failed. Default: 2s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// How many checks in a row must pass for an unhealthy endpoint to become healthy. Default: 2.
	Rise int `json:"rise,omitempty"`

	// How many checks in a row must fail for a healthy endpoint to become unhealthy. Default: 3.
	Fall int `json:"fall,omitempty"`

	// What an endpoint counts as before its first result: `healthy`, or `unhealthy`, which keeps requests
	// from it until it passed. Default: healthy when the pool starts, so that a start needs no checks; one that joins a running pool
	// waits for its first result, at most for `timeout`, unless it is all there is.
	Initial string `json:"initial,omitempty"`

	probe Probe
	key   string
}

const (
	defaultInterval = 5 * time.Second
	defaultTimeout  = 2 * time.Second
	defaultRise     = 2
	defaultFall     = 3
	fastIntervals   = 5 // in an interval

	// minInterval keeps a slip of the pen from becoming an attack on one's own backends.
	minInterval = time.Millisecond
	maxCount    = math.MaxInt32

	initialHealthy   = "healthy"
	initialUnhealthy = "unhealthy"
)

// CaddyModule returns the Caddy module information.
func (*Health) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.reverse_proxy.upstreams.pool.health",
		New: func() caddy.Module { return new(Health) },
	}
}

// UnmarshalCaddyfile sets up the checks from Caddyfile tokens. Syntax:
//
//	health {
//	    probe         <probe> ...
//	    interval      <duration>
//	    fast_interval <duration>
//	    timeout       <duration>
//	    rise          <number>
//	    fall          <number>
//	    initial       healthy|unhealthy
//	}
func (h *Health) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	return caddyfile.Parse(d, caddyfile.Block(
		caddyfile.Module("probe", "http.reverse_proxy.upstreams.pool.probes", "probe", &h.ProbeRaw),
		caddyfile.Duration("interval", &h.Interval),
		caddyfile.Duration("fast_interval", &h.FastInterval),
		caddyfile.Duration("timeout", &h.Timeout),
		caddyfile.Int("rise", &h.Rise, 1, maxCount),
		caddyfile.Int("fall", &h.Fall, 1, maxCount),
		caddyfile.Func("initial", "healthy or unhealthy", func(text string) bool {
			h.Initial = text
			return text == initialHealthy || text == initialUnhealthy
		}),
	))
}

// Provision implements caddy.Provisioner.
func (h *Health) Provision(ctx caddy.Context) error {
	if h.ProbeRaw == nil {
		return fmt.Errorf("probe: is missing; expected one such as http or tcp")
	}
	h.key = string(h.ProbeRaw) // before it is loaded, which clears it
	module, err := ctx.LoadModule(h, "ProbeRaw")
	if err != nil {
		return fmt.Errorf("probe: %v", err)
	}
	h.probe = module.(Probe)
	h.fillIn()
	return h.check()
}

func (h *Health) fillIn() {
	h.Interval = cmp.Or(h.Interval, caddy.Duration(defaultInterval))
	h.FastInterval = cmp.Or(h.FastInterval, max(h.Interval/fastIntervals, caddy.Duration(minInterval)))
	h.Timeout = cmp.Or(h.Timeout, caddy.Duration(defaultTimeout))
	h.Rise = cmp.Or(h.Rise, defaultRise)
	h.Fall = cmp.Or(h.Fall, defaultFall)
}

func (h *Health) check() error {
	for _, d := range []struct {
		name  string
		value caddy.Duration
	}{{"interval", h.Interval}, {"fast_interval", h.FastInterval}, {"timeout", h.Timeout}} {
		if time.Duration(d.value) < minInterval {
			return fmt.Errorf("%s: %s is less than %s", d.name, time.Duration(d.value), minInterval)
		}
	}
	switch {
	case h.Rise < 1 || h.Rise > maxCount:
		return fmt.Errorf("rise: %d; expected 1 or more checks", h.Rise)
	case h.Fall < 1 || h.Fall > maxCount:
		return fmt.Errorf("fall: %d; expected 1 or more checks", h.Fall)
	case h.Initial != "" && h.Initial != initialHealthy && h.Initial != initialUnhealthy:
		return fmt.Errorf("initial: %q; expected healthy or unhealthy", h.Initial)
	}
	return nil
}

// Conditions are those that the checks set.
func (h *Health) Conditions() endpoint.Condition {
	conditions := endpoint.ProbeFailed | endpoint.Unchecked
	if _, ok := h.probe.(Adviser); ok {
		conditions |= endpoint.DrainRequested | endpoint.Maintenance
	}
	return conditions
}

// Mind checks the endpoints of a roster until ctx ends.
func (h *Health) Run(ctx context.Context, r *endpoint.Roster) { newProber(h, r).run(ctx) }

// Interface guards
var (
	_ caddy.Provisioner     = (*Health)(nil)
	_ caddyfile.Unmarshaler = (*Health)(nil)
)
