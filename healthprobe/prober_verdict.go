package healthprobe

import (
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// setInitialVerdict continues from the verdict that an earlier config left, if there is one.
func (p *prober) setInitialVerdict(e *endpoint.Endpoint, joining bool, now time.Time) {
	if e.Verdict() == nil {
		waits := p.initial == initialUnhealthy || p.initial == "" && joining
		setVerdict(e, p.newVerdict(endpoint.ProbeVerdict{Passes: !waits, Waits: waits, Since: now}))
	} else if p.roster.IsCurrent() {
		setVerdict(e, p.verdict(e))
	}
}

// setVerdict stores a verdict, and makes the conditions that follow from it hold.
func setVerdict(e *endpoint.Endpoint, v *endpoint.Verdict) {
	e.SetVerdict(v)
	var fails, waits bool
	for i := range v.Probes {
		fails = fails || v.Probes[i].Fails()
		waits = waits || v.Probes[i].Waits
	}
	switch {
	case fails:
		e.Replace(endpoint.Unchecked, endpoint.ProbeFailed)
	case waits:
		e.Replace(endpoint.ProbeFailed, endpoint.Unchecked)
	default:
		e.Set(endpoint.ProbeFailed|endpoint.Unchecked, false)
	}
}

// withProbe returns a verdict that differs from old in what one probe says.
func withProbe(old *endpoint.Verdict, position int, said endpoint.ProbeVerdict) *endpoint.Verdict {
	v := &endpoint.Verdict{
		Passes: true, Since: old.Since, Recovered: old.Recovered, Probes: slices.Clone(old.Probes),
	}
	v.Probes[position] = said
	for i := range v.Probes {
		v.Passes = v.Passes && v.Probes[i].Passes
	}
	if v.Passes && old.Probes[position].Fails() {
		v.Recovered = time.Now()
	}
	if v.Passes != old.Passes {
		v.Since = time.Now()
	}
	return v
}

// endWait makes an endpoint count as healthy in the eyes of one probe, whose first check is late.
func (p *prober) endWait(t *target) {
	old := p.verdict(t.endpoint)
	if said := old.Probes[t.position]; said.Waits && p.roster.IsCurrent() {
		said.Waits, said.Passes = false, true
		setVerdict(t.endpoint, withProbe(old, t.position, said))
	}
}

// newVerdict returns a verdict in which all probes say the same.
func (p *prober) newVerdict(all endpoint.ProbeVerdict) *endpoint.Verdict {
	v := &endpoint.Verdict{Passes: all.Passes, Since: all.Since}
	for _, probe := range p.probes {
		all.Definition, all.Name = probe.definition, probe.name
		v.Probes = append(v.Probes, all)
	}
	return v
}

// verdict returns the verdict so far. The prober of another config may have written the last one,
// which happens around a reload.
func (p *prober) verdict(e *endpoint.Endpoint) *endpoint.Verdict {
	switch v := e.Verdict(); {
	case v == nil:
		return p.newVerdict(endpoint.ProbeVerdict{Passes: true, Since: time.Now()})
	case p.wrote(v):
		return v
	default:
		return p.continued(v)
	}
}

// wrote reports whether the verdict is one of these probes, in this order.
func (p *prober) wrote(v *endpoint.Verdict) bool {
	if len(v.Probes) != len(p.probes) {
		return false
	}
	for i, probe := range p.probes {
		if v.Probes[i].Definition != probe.definition || v.Probes[i].Name != probe.name {
			return false
		}
	}
	return true
}

// continued returns the verdict that follows from one of other probes. Probes that are in both keep
// what they found. In place of a probe that is gone, the new ones keep an endpoint out until their
// first result.
func (p *prober) continued(old *endpoint.Verdict) *endpoint.Verdict {
	v := &endpoint.Verdict{Passes: true, Since: old.Since, Recovered: old.Recovered}
	inherited := p.inherited(old)
	for _, probe := range p.probes {
		said := inherited
		if before := find(old, probe.definition); before != nil {
			said = *before
		}
		said.Definition, said.Name = probe.definition, probe.name
		v.Probes = append(v.Probes, said)
		v.Passes = v.Passes && said.Passes
	}
	if v.Passes != old.Passes {
		v.Since = time.Now()
	}
	return v
}

// inherited returns what a new probe starts from. Its first result decides.
func (p *prober) inherited(old *endpoint.Verdict) endpoint.ProbeVerdict {
	inherited := endpoint.ProbeVerdict{Passes: true, Since: old.Since}
	for i := range old.Probes {
		gone := &old.Probes[i]
		if inherited.Passes && !gone.Passes && !p.has(gone.Definition) {
			inherited.Passes, inherited.Waits = false, gone.Waits
			inherited.Since, inherited.Last = gone.Since, gone.Last
		}
	}
	return inherited
}

func (p *prober) has(definition string) bool {
	return slices.ContainsFunc(p.probes, func(probe *scheduledProbe) bool { return probe.definition == definition })
}

func find(v *endpoint.Verdict, definition string) *endpoint.ProbeVerdict {
	for i := range v.Probes {
		if v.Probes[i].Definition == definition {
			return &v.Probes[i]
		}
	}
	return nil
}
