package simulation

import (
	"math/rand/v2"
	"testing"
	"time"
)

// scenario is a load and a fleet with which every policy is tested.
type scenario struct {
	name     string
	variant  bool // another setting of a scenario; left out under the race detector
	seeds    int
	rate     float64 // requests per second
	duration time.Duration
	deadline time.Duration // when clients leave
	from     time.Duration // requests that come earlier are not in the result
	within   time.Duration // a response that took longer is no success; 0 means the deadline
	backends int
	members  int // backends that a pool discovers at the start; 0 means that all are static upstreams
	proxies  int // 0 means 1
	retries  int
	limit    int // of requests in flight at each static upstream; 0 means none

	server  func(i int) server               // makes backend i
	draw    func(r *rand.Rand) time.Duration // work or latency of a request
	traffic []kind                           // mixed traffic, instead of rate and draw
	happen  func(f *fleet)                   // plans what happens to backends

	sessions *sessionLoad // makes the requests those of sessions; nil if each is for itself

	watched []int    // the backends to watch
	fair    float64  // their fair share of all requests; 0 means an equal one
	phases  []window // when to watch

	policies []policy                       // to run; nil means those compared
	check    func(t *testing.T, m measured) // thresholds, on medians over the seeds
	baseline string                         // Caddy's policy that thresholds refer to; it runs as often as ours
}

// window is a part of a run.
type window struct{ from, to time.Duration }

func (s *scenario) proxyCount() int { return max(s.proxies, 1) }

func (s *scenario) seconds() int { return int((s.duration + s.deadline) / time.Second) }

// selectedPolicies returns the policies to run.
func (s *scenario) selectedPolicies() []policy {
	switch {
	case len(policiesFlag) > 0:
		return policiesFlag
	case s.policies != nil:
		return s.policies
	}
	return compared
}

// seedsFor returns how often a policy runs. Those of Caddy's policies that no threshold refers to
// are for the reader of the table, and run only if it is printed. One run is enough for them, and
// for those that serve to check the simulator. A brief run has one seed and leaves both out.
// Under the race detector only ours run.
func (s *scenario) seedsFor(p policy, referred bool) int {
	matters := p.ours || p.name == s.baseline
	switch {
	case *seedsFlag > 0:
		return *seedsFlag
	case raceEnabled && !p.ours, brief() && !matters, !p.ours && !referred && !testing.Verbose():
		return 0
	case brief() || !matters:
		return 1
	}
	return s.seeds
}

// brief reports whether to run less: with -short, and under the race detector.
func brief() bool { return raceEnabled || testing.Short() }
