package healthprobe

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// scriptedProbe returns what the test wants, and records its checks.
type scriptedProbe struct {
	mu     sync.Mutex
	fails  map[string]bool
	hangs  map[string]bool
	checks map[string][]time.Time

	running    atomic.Int32
	maxRunning int32
}

func newScriptedProbe() *scriptedProbe {
	return &scriptedProbe{fails: map[string]bool{}, hangs: map[string]bool{}, checks: map[string][]time.Time{}}
}

func (s *scriptedProbe) Check(ctx context.Context, t *Target) error {
	name := strings.TrimSuffix(t.Address, ":1")
	s.mu.Lock()
	s.checks[name] = append(s.checks[name], time.Now())
	fails, hangs := s.fails[name], s.hangs[name]
	s.maxRunning = max(s.maxRunning, s.running.Add(1))
	s.mu.Unlock()
	defer s.running.Add(-1)
	if hangs {
		<-ctx.Done()
		return errors.New("timed out")
	}
	if fails {
		return errors.New("refused")
	}
	return nil
}

func (s *scriptedProbe) set(m map[string]bool, name string, on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m[name] = on
}

func (s *scriptedProbe) times(name string) []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.checks[name])
}

// newHealth returns settings of one probe with their defaults.
func newHealth(p Probe, change ...func(*Health)) *Health {
	h := new(Health)
	for _, c := range change {
		c(h)
	}
	h.setDefaults()
	return h.with("scripted", p, CheckOptions{})
}

// with adds a probe to the settings.
func (h *Health) with(name string, p Probe, own CheckOptions) *Health {
	options := ProbeOptions{CheckOptions: own}
	options.inherit(h.CheckOptions)
	options.setDefaults()
	probe := options.scheduled(p, name)
	probe.definition = name
	h.probes = append(h.probes, probe)
	return h
}
