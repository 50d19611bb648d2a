package endpoint

// eligibility is what a member could serve at one moment, as far as shares depend on it.
type eligibility struct {
	// weight is the source's weight times what the endpoint advises. It is positive for draining
	// members too, because they serve if no others are left.
	weight float64

	drains      bool // no new requests, unless only draining members are left
	maintenance bool // no requests at all
	healthy     bool
	unchecked   bool // not healthy, but only because the first probe has not ended
}

func (r Rules) eligibility(m *Member) eligibility {
	conditions := m.Conditions() & r.Watched
	weight := r.advice(m).weight(m.Info.Weight)
	isZero, sourceDrains := m.Info.Weight == 0 || weight == 0, m.Info.Draining
	if o := m.Override(); o != nil {
		ready := o.State == OverrideReady
		isZero, sourceDrains = isZero && !ready, sourceDrains && !ready
		if o.Weight != nil {
			weight, isZero = float64(*o.Weight), *o.Weight == 0
		}
	}
	e := eligibility{
		weight:      weight,
		drains:      isZero || sourceDrains || conditions&drains != 0,
		maintenance: conditions&maintenance != 0,
		healthy:     conditions&unhealthy == 0,
		unchecked:   conditions&unhealthy == Unchecked,
	}
	if e.weight == 0 {
		e.weight = float64(max(m.Info.Weight, 1))
	}
	return e
}

func (e *eligibility) usable() bool { return e.healthy && !e.drains && !e.maintenance }

// advice returns what the endpoint said of itself. Advice that is left from an earlier definition
// does not count if no probe of this definition asks for it.
func (r Rules) advice(m *Member) Advice {
	if r.Watched&advised == 0 {
		return Advice{}
	}
	return m.Advice()
}

// servesIn reports whether the member has a share in a mode.
func (e *eligibility) servesIn(m Mode) bool {
	switch m {
	case Healthy:
		return e.usable()
	case Draining:
		return e.healthy && !e.maintenance
	case Open:
		return !e.drains && !e.maintenance
	}
	return false
}

// mode returns which members serve, given the members by priority.
//
// A pool that has a tier with enough usable endpoints does not fail open, because the backup tier
// is there for that case (Envoy does the same). Endpoints that drain but work are preferred to
// endpoints that do not work.
func (r Rules) mode(tiers []tier) Mode {
	var usable, working, anyChecked bool
	var best float64
	for i := range tiers {
		t := &tiers[i]
		usable = usable || t.usable > 0
		working = working || t.working > 0
		if t.checked > 0 {
			anyChecked = true
			best = max(best, float64(t.usable)/float64(t.checked))
		}
	}
	switch opens := r.FailOpen >= 0; {
	case usable && (!opens || best >= r.FailOpen):
		return Healthy
	case usable: // but too few
		return Open
	case working:
		return Draining
	case anyChecked && opens: // unchecked endpoints will be checked in a moment
		return Open
	}
	return None
}
