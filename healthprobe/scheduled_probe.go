package healthprobe

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"
)

// ProbeOptions are one of several probes, with check options of its own.
type ProbeOptions struct {
	// How to check an endpoint once. Required.
	ProbeRaw json.RawMessage `json:"probe,omitempty" caddy:"namespace=http.reverse_proxy.upstreams.pool.probes inline_key=probe"`

	CheckOptions
}

// scheduledProbe is a probe, and when it checks.
type scheduledProbe struct {
	Probe

	// definition is the JSON of the probe. The verdicts of another probe are known by it.
	definition string

	// name is unique among the probes of a pool.
	name string

	interval     time.Duration
	fastInterval time.Duration
	timeout      time.Duration
	thresholds   thresholds
}

// loadProbes loads the probes and their check options. Options that a probe does not set are those
// of all.
func (h *Health) loadProbes(ctx caddy.Context) error {
	given := h.Probes
	switch {
	case h.ProbeRaw != nil && given != nil:
		return errors.New("probes: conflicts with probe; expected one of them")
	case h.ProbeRaw != nil:
		given = []ProbeOptions{{ProbeRaw: h.ProbeRaw}}
	case len(given) == 0:
		return errors.New("probe: is missing; expected one such as http or tcp")
	}
	for i := range given {
		probe, err := given[i].load(ctx, h.CheckOptions)
		if err == nil {
			err = h.add(probe)
		}
		if err != nil && h.ProbeRaw == nil {
			err = fmt.Errorf("probes[%d]: %w", i, err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// load loads the probe.
func (o *ProbeOptions) load(ctx caddy.Context, common CheckOptions) (*scheduledProbe, error) {
	if o.ProbeRaw == nil {
		return nil, errors.New("probe: is missing; expected one such as http or tcp")
	}
	var definition bytes.Buffer // without spaces, which do not matter
	if err := json.Compact(&definition, o.ProbeRaw); err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	module, err := ctx.LoadModule(o, "ProbeRaw") // clears it
	if err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	o.inherit(common)
	o.setDefaults()
	if err := o.check(); err != nil {
		return nil, err
	}
	name := module.(caddy.Module).CaddyModule().ID.Name()
	return o.scheduled(module.(Probe), definition.String(), name), nil
}

func (o *ProbeOptions) scheduled(probe Probe, definition, name string) *scheduledProbe {
	return &scheduledProbe{
		Probe: probe, definition: definition, name: name,
		interval:     time.Duration(o.Interval),
		fastInterval: time.Duration(o.FastInterval),
		timeout:      time.Duration(o.Timeout),
		thresholds:   thresholds{o.Rise, o.Fall},
	}
}

// add adds a probe. The second probe of a kind is called "http #2" or the like.
func (h *Health) add(probe *scheduledProbe) error {
	kind := probe.name
	number := 1
	for i, other := range h.probes {
		if other.definition == probe.definition {
			return fmt.Errorf("probe: is the same as that of probes[%d]", i)
		}
		if other.name == probe.name {
			number++
			probe.name = fmt.Sprintf("%s #%d", kind, number)
		}
	}
	h.probes = append(h.probes, probe)
	return nil
}
