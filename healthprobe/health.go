package healthprobe

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/definition"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func init() { caddy.RegisterModule(new(Health)) }

// Health checks the endpoints of a pool in the background, whatever source lists them, and keeps
// requests away from endpoints that fail.
//
// A healthy endpoint becomes unhealthy after `fall` failures in a row, and an unhealthy one healthy
// after `rise` passes in a row. Only the first result of an endpoint decides alone, because it is
// all that is known. Verdicts belong to the pool: a reload that changes only intervals or counts
// keeps them, and one that changes the probe keeps them until the first result of the new probe.
// Two pools that check the same address have separate verdicts.
//
// Checks are spread over the interval, so that thousands of endpoints are not checked in one
// instant. Endpoints whose verdict may be about to change are checked more often. Checks that hang
// delay only other checks that hang.
//
// If no endpoint is usable, the pool's `fail_open` applies. In all numbers and durations, 0 stands
// for the default.
type Health struct {
	// How to check an endpoint once. Required.
	ProbeRaw json.RawMessage `json:"probe,omitempty" caddy:"namespace=http.reverse_proxy.upstreams.pool.probes inline_key=probe"`

	// The time from one check of an endpoint to the next, with a jitter of a tenth. The minimum is
	// 1ms. A shorter interval notices failures earlier and costs CPU time here and at the
	// endpoints: 10,000 endpoints at 5s take about a tenth of a core. Default: 5s.
	Interval caddy.Duration `json:"interval,omitempty"`

	// The interval while results speak against the verdict: after the first failure of a healthy
	// endpoint, or the first pass of an unhealthy one, until the verdict changes or the next result
	// confirms it. The minimum is 1ms. Default: a fifth of `interval`.
	FastInterval caddy.Duration `json:"fast_interval,omitempty"`

	// The maximum time of a check. A check that takes longer fails. The minimum is 1ms. Default:
	// 2s.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// The number of checks in a row that must pass before an unhealthy endpoint becomes healthy.
	// Default: 2.
	Rise int `json:"rise,omitempty"`

	// The number of checks in a row that must fail before a healthy endpoint becomes unhealthy.
	// Default: 3.
	Fall int `json:"fall,omitempty"`

	// What an endpoint counts as before its first result: `healthy`, or `unhealthy`, which keeps
	// requests away until a check has passed. Choose `unhealthy` if a request to an endpoint that
	// is not ready does harm. Default: `healthy` when the pool starts, so that a start does not
	// depend on checks. An endpoint that joins a running pool waits for its first result, but not
	// longer than `timeout`, unless no other endpoint serves.
	Initial string `json:"initial,omitempty"`

	probe Probe
	key   string // tells verdicts of this probe from those of others
}

const (
	defaultInterval = 5 * time.Second
	defaultTimeout  = 2 * time.Second
	defaultRise     = 2
	defaultFall     = 3
	fastIntervals   = 5 // number of fast intervals in an interval by default

	// minInterval is the minimum of all durations. It keeps a typing error from flooding the
	// endpoints.
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
		return errors.New("probe: is missing; expected one such as http or tcp")
	}
	h.key = probeKey(h.ProbeRaw) // before LoadModule, which clears it
	module, err := ctx.LoadModule(h, "ProbeRaw")
	if err != nil {
		return fmt.Errorf("probe: %w", err)
	}
	h.probe = module.(Probe)
	h.setDefaults()
	return h.check()
}

// probeKey identifies a probe by what its settings stand for: one that has a new token is another
// probe, so its first result decides.
func probeKey(raw []byte) string {
	sum := definition.Of(raw)
	return string(sum[:])
}

func (h *Health) setDefaults() {
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

// Conditions returns the conditions that the checks set on endpoints.
func (h *Health) Conditions() endpoint.Condition {
	conditions := endpoint.ProbeFailed | endpoint.Unchecked
	if _, ok := h.probe.(Adviser); ok {
		conditions |= endpoint.DrainRequested | endpoint.Maintenance
	}
	return conditions
}

// Run checks the endpoints of a roster until ctx ends.
func (h *Health) Run(ctx context.Context, r *endpoint.Roster) { newProber(h, r).run(ctx) }

// Interface guards
var (
	_ caddy.Provisioner     = (*Health)(nil)
	_ caddyfile.Unmarshaler = (*Health)(nil)
)
