package simulation

import (
	"fmt"
	"testing"
	"time"
)

// twoProxies, eightProxies and twentyProxies are many polls behind several proxies that have no
// data about each other. Each sees a part of the requests only: it learns of a route later, and
// what is in flight says less. least_conn suffers from the same, and what holds behind one proxy
// must hold here.
//
// The machines share two cores among all requests, at 0.8 of their capacity. With a line in front
// of workers, p99 hangs on the few times when reports fill all workers, and varies by a tenth from
// run to run.
var (
	twoProxies    = pollsBehind(2)
	eightProxies  = pollsBehind(8)
	twentyProxies = pollsBehind(20)
)

func pollsBehind(proxies int) scenario {
	return manyPolls.with(func(s *scenario) {
		s.name = fmt.Sprintf("many polls, %d proxies", proxies)
		s.duration = 30 * time.Second
		s.proxies = proxies
		s.server = func(int) server { return newSharing(2, 1) }
		s.check = harmless
	})
}

// slowBehindEight is the slow machine behind eight proxies. None of them has many requests there,
// and together they have as many as it can do. Latency is the only thing that shows it to each. Its
// p99.9 is too much a matter of chance for a threshold, also with two endpoints.
var slowBehindEight = pollsOneSlow.with(func(s *scenario) {
	s.name = "polls, one slow, 8 proxies"
	s.proxies = 8
	s.check = beneficial
})

// twoEndpoints is a site with two machines, where the mean of the pool is half made of the endpoint
// that is compared with it, and a poll too many is a large part of all.
var twoEndpoints = manyPolls.with(func(s *scenario) {
	s.name = "many polls, 2 endpoints"
	s.seeds = 5 // p99 varies by a tenth from run to run
	s.duration = 60 * time.Second
	s.backends = 2
	s.traffic = ordinary(180, polling(1.8))
})

// slowOfTwo is one of two that becomes four times slower, three times. The other can do all the
// work if the slow one helps a little. One such time would be few requests to compare.
var slowOfTwo = pollsOneSlow.with(func(s *scenario) {
	s.name = "polls, one of 2 slow"
	s.seeds = 5 // p99 varies by a fifth from run to run
	s.duration = 120 * time.Second
	s.backends = 2
	s.traffic = ordinary(180, polling(.36))
	s.check = beneficial
	s.happen = func(f *fleet) {
		slow := f.backends[0].server.(*sharing)
		for at := 10 * time.Second; at < 120*time.Second; at += 40 * time.Second {
			f.at(at, func() { slow.setSpeed(.25) })
			f.at(at+20*time.Second, func() { slow.setSpeed(1) })
		}
	}
})

// smallFleet is a site with three small machines that are busy. A queue forms whenever reports meet
// at one of them, and is gone after them. A policy that takes the queues for a sign of a slow
// machine sends the others more than they can do. p99 hangs on the few times when all are full, and
// varies by a fifth from run to run. The mean does not, as both policies get the same requests.
var smallFleet = everydayScenario("small fleet", 80*time.Second, []kind{
	{rate: .675 * smallFleetWorkers / .005, request: get("/api/items"), work: exponential(5 * time.Millisecond)},
	{rate: .075 * smallFleetWorkers / .325, request: get("/api/report"), work: reporting, unmeasured: true},
}, harmlessInTheMean).with(inSmallFleet)

// smallFleetAlike is the small fleet with quick requests alone.
var smallFleetAlike = everydayScenario("small fleet, quick", 20*time.Second, []kind{
	{rate: .75 * smallFleetWorkers / .005, request: get("/api/items"), work: exponential(5 * time.Millisecond)},
}, harmlessInTheMean).with(inSmallFleet)

const smallFleetWorkers = 3 * 2

func inSmallFleet(s *scenario) {
	s.seeds, s.backends = 4, 3
	s.server = func(int) server { return newWorkers(2, 1) }
}

// harmlessInTheMean checks that adaptive_latency is no worse than least_conn in the mean.
func harmlessInTheMean(t *testing.T, m measured) {
	t.Helper()
	m.atMostTimes(t, "adaptive_latency", average, 1.03, "least_conn")
	m.atMost(t, "adaptive_latency", failures, 0)
}

// thousandEndpoints has machines with one worker each and two requests per second. Little is known
// of any of them, and a policy that compares a sample must not meet the few that are busy with a
// report more often than least_conn does, which looks at all.
var thousandEndpoints = manyPolls.with(func(s *scenario) {
	s.name = "many polls, 1,000 endpoints"
	s.duration = 6 * time.Second
	s.backends = 1000
	s.server = oneWorker
	s.traffic = ordinary(2000, polling(20))
	s.check = harmless
})

// tenThousandEndpoints shows that the size itself does no harm. The oracle would take as long as
// all others together.
var tenThousandEndpoints = thousandEndpoints.with(func(s *scenario) {
	s.name = "many polls, 10,000 endpoints"
	s.duration = 4 * time.Second
	s.backends = 10_000
	s.policies = rivals
	s.check = func(t *testing.T, m measured) {
		m.atMostTimes(t, "adaptive_latency", p99, 1.03, "least_conn")
	}
})

func oneWorker(int) server { return newWorkers(1, 1) }
