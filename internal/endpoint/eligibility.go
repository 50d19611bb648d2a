package endpoint

// standing is what a member could do at a moment, as far as it matters for shares.
type eligibility struct {
	weight      float64 // as its source has it and the endpoint wants it; that of an endpoint that drains is not 0
	drains      bool    // nothing new, if there are others
	maintenance bool    // nothing at all
	healthy     bool
	unchecked   bool // not healthy, but only because nobody has looked yet
}

func (r Rules) eligibility(m *Member) eligibility {
	conditions := m.Conditions() & r.Watched
	factor := r.advice(m).factor()
	s := eligibility{
		weight:      float64(m.Info.Weight) * factor,
		drains:      m.Info.Weight == 0 || factor == 0 || m.Info.Draining || conditions&DrainRequested != 0,
		maintenance: conditions&Maintenance != 0,
		healthy:     conditions&unhealthy == 0,
		unchecked:   conditions&unhealthy == Unchecked,
	}
	if s.weight == 0 {
		s.weight = float64(max(m.Info.Weight, 1))
	}
	return s
}

func (s *eligibility) usable() bool { return s.healthy && !s.drains && !s.maintenance }

// advice is what the endpoint said of itself, as long as somebody asks it.
func (r Rules) advice(m *Member) Advice {
	if r.Watched&unwilling == 0 {
		return Advice{}
	}
	return m.Advice()
}

// serves reports whether a member has a share in a mode.
func (s *eligibility) serves(m Mode) bool {
	switch m {
	case Healthy:
		return s.usable()
	case Draining:
		return s.healthy && !s.maintenance
	case Open:
		return !s.drains && !s.maintenance
	}
	return false
}

// mode is which of the members are to serve. tiers are the members by priority.
//
// A pool that has a tier with enough usable endpoints does not open: the backup tier is there for that
// (Envoy does the same). Endpoints that drain but work are better than ones that do not.
func (r Rules) mode(tiers []tier) Mode {
	var usable, working, proven bool
	var best float64
	for i := range tiers {
		t := &tiers[i]
		usable = usable || t.usable > 0
		working = working || t.working > 0
		if t.checked > 0 {
			proven = true
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
	case proven && opens: // those that nobody has looked at yet will be in a moment
		return Open
	}
	return None
}
