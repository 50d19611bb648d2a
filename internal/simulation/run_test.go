package simulation

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// run is one policy in one scenario with one seed, and what came of it.
type run struct {
	scenario *scenario
	policy   policy
	seed     uint64

	fleet     *fleet
	latencies []time.Duration // as clients see them, in the order of arrival
	failed    []bool
}

// do plays the run in a bubble of virtual time.
func (r *run) do(t *testing.T) {
	arrivals := r.scenario.arrivals(r.seed)
	r.latencies = make([]time.Duration, len(arrivals))
	r.failed = make([]bool, len(arrivals))
	synctest.Test(t, func(t *testing.T) {
		proxies := r.build(t)
		clients := crew{do: func(i int) { r.serve(proxies, arrivals, i) }, work: make(chan int)}
		for i := range arrivals {
			time.Sleep(arrivals[i].at - time.Since(r.fleet.start))
			clients.begin(i)
		}
		clients.finish()
		r.fleet.checkIdle(t)
	})
}

// crew does numbered pieces of work, all that were begun at the same time. It keeps its goroutines, because growing a new stack for
// each request would take a sixth of the time.
type crew struct {
	do      func(i int)
	work    chan int
	pending sync.WaitGroup
}

func (c *crew) begin(i int) {
	select {
	case c.work <- i:
	default:
		c.pending.Go(func() {
			c.do(i)
			for next := range c.work {
				c.do(next)
			}
		})
	}
}

func (c *crew) finish() {
	close(c.work)
	c.pending.Wait()
}

func (r *run) build(t *testing.T) []*proxy {
	r.fleet = newFleet(r.scenario, r.seed)
	t.Cleanup(func() { fleets.Delete(r.fleet.name) })
	proxies := make([]*proxy, r.scenario.proxyCount())
	for i := range proxies {
		p, unload, err := newProxy(handlerConfig(r.fleet, r.scenario, r.policy, i))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(unload)
		proxies[i] = p
	}
	if r.scenario.happen != nil {
		r.scenario.happen(r.fleet)
	}
	return proxies
}

func (r *run) serve(proxies []*proxy, arrivals []arrival, i int) {
	a := &arrivals[i]
	start := time.Now()
	ok := proxies[a.proxy].serve(a, r.scenario.deadline)
	r.latencies[i] = time.Since(start)
	if !ok {
		r.failed[i] = true
		r.latencies[i] = r.scenario.deadline
	}
}
