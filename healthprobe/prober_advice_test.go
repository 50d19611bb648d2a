package healthprobe

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// scriptedAgent answers for each endpoint with the line that the test wants. Without a line it
// cannot be reached.
type scriptedAgent struct {
	mu    sync.Mutex
	lines map[string]string
}

func (s *scriptedAgent) say(name, line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lines[name] = line
}

func (s *scriptedAgent) Check(ctx context.Context, t *Target) error {
	_, err := s.Advise(ctx, t)
	return err
}

func (s *scriptedAgent) Advise(_ context.Context, t *Target) (Advice, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	line, ok := s.lines[strings.TrimSuffix(t.Address, ":1")]
	if !ok {
		return Advice{}, errors.New("refused")
	}
	return interpretLine(t, line, "")
}

// runAgents runs a test on a pool whose endpoints have agents.
func runAgents(t *testing.T, test func(pool *endpointtest.Pool, agents *scriptedAgent), change ...func(*Health)) {
	agents := &scriptedAgent{lines: map[string]string{}}
	endpointtest.Run(t, func(pool *endpointtest.Pool) { test(pool, agents) }, newHealth(agents, change...))
}

const longEnough = time.Minute // for any verdict

func TestAnInconclusiveCheckLeavesTheVerdict(t *testing.T) {
	runAgents(t, func(pool *endpointtest.Pool, agents *scriptedAgent) {
		agents.say("a", "up")
		agents.say("b", "down")
		pool.SetEndpoints("a", "b", "c")
		pool.Sleep(longEnough)
		pool.WantServing("a")
		for _, line := range []string{"", "foo", "# up"} {
			for _, name := range []string{"a", "b", "c"} { // c could not be reached
				agents.say(name, line)
			}
			pool.Sleep(longEnough)
			pool.WantServing("a")
		}
	})
}

func TestAnInconclusiveCheckEndsTheWaitForTheFirstResult(t *testing.T) {
	for initial, want := range map[string]string{"": "a new", initialHealthy: "a new", initialUnhealthy: "a"} {
		runAgents(t, func(pool *endpointtest.Pool, agents *scriptedAgent) {
			agents.say("a", "up")
			agents.say("new", "foo")
			pool.SetEndpoints("a")
			pool.Sleep(longEnough)
			pool.SetEndpoints("a", "new")
			pool.Sleep(longEnough)
			pool.WantServing(want)
		}, func(h *Health) { h.Initial = initial })
	}
}

func TestOnlyUpEndsADown(t *testing.T) {
	runAgents(t, func(pool *endpointtest.Pool, agents *scriptedAgent) {
		agents.say("a", "up")
		agents.say("b", "up")
		pool.SetEndpoints("a", "b")
		for _, step := range []struct{ line, want string }{
			{"down", "a"}, {"75%", "a"}, {"ready", "a"}, {"", "a"}, {"up", "a b"}, {"75%", "a b"},
		} {
			agents.say("b", step.line)
			pool.Sleep(longEnough)
			pool.WantServing(step.want)
		}
	})
}

func TestAnAgentWithoutUpOrDownNeedsOnlyToBeReached(t *testing.T) {
	runAgents(t, func(pool *endpointtest.Pool, agents *scriptedAgent) {
		agents.say("a", "up")
		pool.SetEndpoints("a", "b")
		pool.Sleep(longEnough)
		pool.WantServing("a")
		agents.say("b", "50%")
		pool.Sleep(longEnough)
		pool.WantServing("a b")
	})
}

func TestDownOutlivesAReload(t *testing.T) {
	runAgents(t, func(pool *endpointtest.Pool, agents *scriptedAgent) {
		agents.say("a", "up")
		agents.say("b", "down")
		pool.SetEndpoints("a", "b")
		pool.Sleep(longEnough)
		agents.say("b", "50%")
		pool.Reload(newHealth(agents))
		pool.Sleep(longEnough)
		pool.WantServing("a")
		// Nor does it matter to probes that are no agents.
		other := new(Health)
		other.setDefaults()
		pool.Reload(other.with("other", newScriptedProbe(), CheckOptions{}))
		pool.Sleep(longEnough)
		pool.WantServing("a b")
	})
}

func TestOneWarningNamesTheUnknownWords(t *testing.T) {
	runAgents(t, func(pool *endpointtest.Pool, agents *scriptedAgent) {
		agents.say("a", "foo up load:3")
		agents.say("b", "up")
		pool.SetEndpoints("a", "b")
		pool.Sleep(longEnough)
		agents.say("a", "bar")
		pool.Sleep(longEnough)
		warnings := pool.Log.FilterMessage("agent's line has unknown words").All()
		if len(warnings) != 1 {
			t.Fatalf("%d warnings", len(warnings))
		}
		fields := warnings[0].ContextMap()
		if fields["address"] != "a:1" || fields["pool"] != t.Name() || strings.Join(words(fields["words"]), " ") != "foo load:3" {
			t.Errorf("got %v", fields)
		}
	})
}

func words(field any) (list []string) {
	for _, word := range field.([]any) {
		list = append(list, word.(string))
	}
	return list
}

// wantNoLimit expects that no advice limits the requests of an endpoint, such as that of a process
// that had its address before.
func wantNoLimit(t *testing.T, pool *endpointtest.Pool, name string) {
	t.Helper()
	if limit := pool.Endpoint(name).Advice().MaxRequests; limit != nil {
		t.Errorf("%s: the limit of its predecessor holds: %d", name, *limit)
	}
}

func TestAdviceGoesWithTheEndpoint(t *testing.T) {
	for _, line := range []string{"drain", "maint", "0%", "weight:0", "down"} {
		runAgents(t, func(pool *endpointtest.Pool, agents *scriptedAgent) {
			agents.say("a", "up")
			agents.say("b", line+" maxconn:3")
			pool.SetEndpoints("a", "b")
			pool.Sleep(longEnough)
			pool.WantServing("a")
			pool.SetEndpoints("a")
			pool.Sleep(time.Second)
			agents.say("b", "50%") // another process, which advises nothing of the kind
			pool.SetEndpoints("a", "b")
			pool.Sleep(time.Second)
			pool.WantServing("a b")
			wantNoLimit(t, pool, "b")
		})
	}
}

// The older config lists the endpoint as long as its last requests last.
func TestAdviceGoesThoughAnOlderConfigListsTheEndpoint(t *testing.T) {
	runAgents(t, func(pool *endpointtest.Pool, agents *scriptedAgent) {
		agents.say("a", "up")
		agents.say("b", "drain")
		pool.SetEndpoints("a", "b")
		pool.Sleep(longEnough)
		older := pool.Claim
		pool.Claim = pool.Acquire(older.Roster.Logger(), newHealth(agents))
		defer older.Release()
		pool.SetEndpoints("a")
		pool.Sleep(time.Second)
		agents.say("b", "up")
		pool.SetEndpoints("a", "b")
		pool.Sleep(time.Second)
		pool.WantServing("a b")
	})
}

// setIDs lists endpoints as name=ID.
func setIDs(pool *endpointtest.Pool, given ...string) {
	var list []listing.Info
	for _, text := range given {
		name, id, _ := strings.Cut(text, "=")
		list = append(list, listing.Info{Address: name + ":1", Weight: 1, ID: id})
	}
	pool.Claim.Roster.Replace(list)
}

func TestAdviceGoesWithTheID(t *testing.T) {
	for _, line := range []string{"drain", "maint", "0%", "weight:0"} {
		runAgents(t, func(pool *endpointtest.Pool, agents *scriptedAgent) {
			agents.say("a", "up")
			agents.say("b", line+" maxconn:3")
			setIDs(pool, "a=1", "b=2")
			pool.Sleep(longEnough)
			pool.WantServing("a")
			agents.say("b", "up")
			setIDs(pool, "a=1", "b=2")
			pool.Sleep(longEnough)
			pool.WantServing("a")
			setIDs(pool, "a=1", "b=3")
			pool.Sleep(time.Second)
			pool.WantServing("a b")
			wantNoLimit(t, pool, "b")
		})
	}
}

func TestAnotherProcessIsAskedAtOnce(t *testing.T) {
	runAgents(t, func(pool *endpointtest.Pool, agents *scriptedAgent) {
		agents.say("a", "up")
		agents.say("b", "drain")
		setIDs(pool, "a=1", "b=2")
		pool.Sleep(longEnough)
		setIDs(pool, "a=1", "b=3")
		pool.Sleep(100 * time.Millisecond)
		pool.WantServing("a")
	}, func(h *Health) { h.Interval = 3600e9 })
}

func TestDownGoesWithTheID(t *testing.T) {
	runAgents(t, func(pool *endpointtest.Pool, agents *scriptedAgent) {
		agents.say("a", "up")
		agents.say("b", "down")
		setIDs(pool, "a=1", "b=2")
		pool.Sleep(longEnough)
		agents.say("b", "50%")
		setIDs(pool, "a=1", "b=3")
		pool.Sleep(longEnough)
		pool.WantServing("a b")
	})
}

func TestTheVerdictGoesWithTheID(t *testing.T) {
	p := newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		setIDs(pool, "a=1", "b=2", "c=3")
		pool.Sleep(time.Minute)
		p.set(p.fails, "b", true)
		pool.Sleep(20 * time.Second)
		refuse(pool.Endpoint("b"), 10)
		pool.WantServing("a c")
		p.set(p.fails, "b", false)
		p.set(p.fails, "c", true)
		setIDs(pool, "a=1", "b=4", "c=5")
		pool.Sleep(100 * time.Millisecond)
		pool.WantServing("a b")
		if n := alarms(pool.Endpoint("b")); n > 0 {
			t.Errorf("the failures of the predecessor count: %v alarms", n)
		}
		if v := pool.Endpoint("c").Verdict(); v.Passes || v.Probes[0].Streak != 0 {
			t.Errorf("the first result of c does not decide: %+v", v)
		}
	}, newHealth(p))
}

func TestNewIDsOfAllEndpointsTakeNoneOut(t *testing.T) {
	p := newScriptedProbe()
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		setIDs(pool, "a=1", "b=2")
		pool.Sleep(time.Minute)
		setIDs(pool, "a=3", "b=4")
		pool.WantServing("a b")
	}, newHealth(p))
}

// The answer of the process that has left must not count for the one that has come.
func TestAnAnswerOfThePredecessorDoesNotCount(t *testing.T) {
	drain := AdvisedDrain
	slow := adviserFunc(func(_ context.Context, target *Target) (Advice, error) {
		if target.ID != "2" {
			return Advice{}, nil
		}
		time.Sleep(time.Second)
		return Advice{Mode: &drain}, nil
	})
	endpointtest.Run(t, func(pool *endpointtest.Pool) {
		setIDs(pool, "a=1", "b=2")
		pool.Sleep(500 * time.Millisecond)
		setIDs(pool, "a=1", "b=3")
		pool.Sleep(time.Second)
		if e := pool.Endpoint("b"); e.Conditions() != 0 {
			t.Errorf("conditions %b", e.Conditions())
		}
	}, newHealth(slow))
}

type adviserFunc func(context.Context, *Target) (Advice, error)

func (f adviserFunc) Check(ctx context.Context, t *Target) error {
	_, err := f(ctx, t)
	return err
}

func (f adviserFunc) Advise(ctx context.Context, t *Target) (Advice, error) { return f(ctx, t) }

func TestAgentsSetTheWeight(t *testing.T) {
	runAgents(t, func(pool *endpointtest.Pool, agents *scriptedAgent) {
		agents.say("a", "weight:128")
		agents.say("b", "weight:32")
		pool.SetEndpoints("a", "b")
		for _, want := range []uint32{4, 1} {
			pool.Sleep(longEnough)
			s := pool.Claim.Roster.Snapshot()
			if a, b := s.Members[0].Weight, s.Members[1].Weight; a != want*b {
				t.Errorf("weights %d and %d, want %d to 1", a, b, want)
			}
			agents.say("a", "100%") // of the weight of the source
			agents.say("b", "100%")
		}
	})
}
