package healthprobe

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/caddyfile"
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
// With several probes, each has a schedule and a verdict of its own, and an endpoint is healthy if
// all of them say so. Of what agents say, the strictest counts.
//
// Checks are spread over the interval, so that thousands of endpoints are not checked in one
// instant. Endpoints whose verdict may be about to change are checked more often. Checks that hang
// delay only other checks that hang.
//
// If no endpoint is usable, the pool's `fail_open` applies. In all numbers and durations, 0 stands
// for the default.
type Health struct {
	// How to check an endpoint once. Required, unless `probes` has it.
	ProbeRaw json.RawMessage `json:"probe,omitempty" caddy:"namespace=http.reverse_proxy.upstreams.pool.probes inline_key=probe"`

	// Several probes instead of `probe`, all of which an endpoint must pass, such as whether it
	// works and whether it has the right role. Each may have intervals, a time limit and counts of
	// its own. Two equal probes are an error. Default: none.
	Probes []ProbeOptions `json:"probes,omitempty"`

	CheckOptions

	// What an endpoint counts as before its first result of each probe: `healthy`, or `unhealthy`,
	// which keeps requests away until a check has passed. Choose `unhealthy` if a request to an
	// endpoint that is not ready does harm. Default: `healthy` when the pool starts, so that a
	// start does not depend on checks. An endpoint that joins a running pool waits for its first
	// results, but not longer than `timeout`, unless no other endpoint serves.
	Initial string `json:"initial,omitempty"`

	probes []*scheduledProbe
}

const (
	probesNamespace = "http.reverse_proxy.upstreams.pool.probes"

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
//
// There may be several probes. The block of each may have the options from interval to fall, for
// this probe only:
//
//	probe <probe> ... {
//	    interval      <duration>
//	    fast_interval <duration>
//	    timeout       <duration>
//	    rise          <number>
//	    fall          <number>
//	    ...
//	}
func (h *Health) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	err := caddyfile.Parse(d, caddyfile.Block(
		caddyfile.ModulesWith("probe", probesNamespace, "probe", &h.Probes,
			func(o *ProbeOptions) (*json.RawMessage, caddyfile.Param) { return &o.ProbeRaw, o.options() }),
		h.options(),
		caddyfile.Func("initial", "healthy or unhealthy", func(text string) bool {
			h.Initial = text
			return text == initialHealthy || text == initialUnhealthy
		}),
	))
	if len(h.Probes) == 1 && h.Probes[0].CheckOptions == (CheckOptions{}) {
		h.ProbeRaw, h.Probes = h.Probes[0].ProbeRaw, nil
	}
	return err
}

// Provision implements caddy.Provisioner.
func (h *Health) Provision(ctx caddy.Context) error {
	if h.Initial != "" && h.Initial != initialHealthy && h.Initial != initialUnhealthy {
		return fmt.Errorf("initial: %q; expected healthy or unhealthy", h.Initial)
	}
	common := h.CheckOptions
	common.setDefaults()
	if err := common.check(); err != nil {
		return err
	}
	return h.loadProbes(ctx)
}

// Conditions returns the conditions that the checks set on endpoints.
func (h *Health) Conditions() endpoint.Condition {
	conditions := endpoint.ProbeFailed | endpoint.Unchecked
	for _, p := range h.probes {
		if _, ok := p.Probe.(Adviser); ok {
			conditions |= endpoint.DrainRequested | endpoint.Maintenance
		}
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
