package healthprobe

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/internal/definition"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// ProbeOptions are one of several probes, with check options of its own.
type ProbeOptions struct {
	// How to check an endpoint once. Required.
	ProbeRaw json.RawMessage `json:"probe,omitempty" caddy:"namespace=http.reverse_proxy.upstreams.pool.probes inline_key=probe"`

	CheckOptions
}

// UnmarshalJSON refuses zeros that would become defaults.
func (o *ProbeOptions) UnmarshalJSON(data []byte) error {
	type fields ProbeOptions
	return options.Decode(data, (*fields)(o), "interval", "fast_interval", "timeout", "rise", "fall")
}

// scheduledProbe is a probe, and when it checks.
type scheduledProbe struct {
	Probe

	// text is the JSON of the probe, without spaces, which do not matter.
	text string

	// definition is the digest of what the probe stands for, which tells its verdicts from those of
	// others: one that has a new token is another probe, so its first result decides.
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
	var text bytes.Buffer
	if err := json.Compact(&text, o.ProbeRaw); err != nil {
		return nil, fmt.Errorf("probe: %w", err)
	}
	digest := digestOf(o.ProbeRaw)
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
	probe := o.scheduled(module.(Probe), name)
	probe.text, probe.definition = text.String(), digest
	return probe, nil
}

// digestOf returns the digest of what the JSON of a probe stands for.
func digestOf(raw []byte) string {
	sum := definition.Of(raw)
	return hex.EncodeToString(sum[:])
}

func (o *ProbeOptions) scheduled(probe Probe, name string) *scheduledProbe {
	return &scheduledProbe{
		Probe: probe, name: name,
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
		if other.text == probe.text {
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
