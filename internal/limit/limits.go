package limit

import "sync/atomic"

// Settings are the numbers of a pool's limits, by its definition.
type Settings struct {
	Retries BudgetSettings
	Gate    GateSettings
	Class   string // the text that says the class of a request; "" if all are alike

	Adaptive *AdaptiveSettings // of the limit of each endpoint; nil if it does not adapt
}

// IsGated reports whether the settings limit the requests that a pool takes.
func (s *GateSettings) IsGated() bool { return s.MaxInFlight > 0 || s.QueueLength > 0 }

// Limits are what bounds the requests of one pool. They are there whether or not the definition of
// the pool asks for any; only what asks for one uses it.
type Limits struct {
	Budget Budget
	Gate   Gate

	settings atomic.Pointer[Settings]
	adaptive atomic.Pointer[AdaptiveSettings]
}

// Settings returns the settings.
func (l *Limits) Settings() Settings {
	if s := l.settings.Load(); s != nil {
		return *s
	}
	return Settings{}
}

// Apply changes the settings.
func (l *Limits) Apply(s Settings) {
	l.Budget.Set(s.Retries)
	l.Gate.Set(s.Gate)
	l.settings.Store(&s)
	l.adaptive.Store(s.Adaptive)
}

// Adaptive returns the settings of the adaptive limits of endpoints, nil if there are none.
func (l *Limits) Adaptive() *AdaptiveSettings { return l.adaptive.Load() }
