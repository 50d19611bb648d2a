package simulation

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// run is one policy in one scenario with one seed, and its result.
type run struct {
	scenario *scenario
	policy   policy
	seed     uint64
	thin     bool // whether only a tenth of the requests are sent

	fleet     *fleet
	arrivals  []arrival
	latencies []time.Duration // as clients see them, in the order of arrival
	failed    []bool
}

// do executes the run in a bubble of virtual time.
func (r *run) do(t *testing.T) {
	r.arrivals = r.scenario.arrivals(r.seed)
	if r.thin {
		r.arrivals = oneInTen(r.arrivals)
	}
	r.latencies = make([]time.Duration, len(r.arrivals))
	r.failed = make([]bool, len(r.arrivals))
	synctest.Test(t, func(t *testing.T) {
		proxies := r.build(t)
		clients := workers{do: func(i int) { r.serve(proxies, i) }, work: make(chan int)}
		for i := range r.arrivals {
			time.Sleep(r.arrivals[i].at - time.Since(r.fleet.start))
			clients.start(i)
		}
		clients.wait()
		synctest.Wait() // for the ends of upgraded connections
		r.fleet.checkIdle(t)
	})
}

// oneInTen is enough for the race detector, which makes everything ten times slower. It finds an
// access that is not synchronized even if no other comes at the same moment.
func oneInTen(all []arrival) (few []arrival) {
	for i := 0; i < len(all); i += 10 {
		few = append(few, all[i])
	}
	return few
}

// workers does numbered pieces of work, all of them at the same time. It keeps its goroutines,
// because growing a new stack for each request would take a sixth of the time.
type workers struct {
	do      func(i int)
	work    chan int
	pending sync.WaitGroup
}

// start hands a piece of work to an idle goroutine, or to a new one.
func (w *workers) start(i int) {
	select {
	case w.work <- i:
	default:
		w.pending.Go(func() {
			w.do(i)
			for next := range w.work {
				w.do(next)
			}
		})
	}
}

// wait returns when all pieces are done.
func (w *workers) wait() {
	close(w.work)
	w.pending.Wait()
}

// build makes the fleet and the proxies, and plans what happens to the backends.
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

// serve sends request i and records its result. A failed request counts as one that lasted until
// the deadline.
func (r *run) serve(proxies []*proxy, i int) {
	a := &r.arrivals[i]
	start := time.Now()
	ok := proxies[a.proxy].serve(a, r.scenario.deadline)
	r.latencies[i] = time.Since(start)
	if !ok {
		r.failed[i] = true
		r.latencies[i] = r.scenario.deadline
	}
}
