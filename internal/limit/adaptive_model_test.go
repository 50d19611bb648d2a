package limit

import (
	"math"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/load"
)

// model is endpoints with cores, and a proxy that sends them requests within their adaptive limits.
// It takes no real time.
type model struct {
	settings AdaptiveSettings
	cores    int
	shared   bool          // all requests share the cores; otherwise they wait in line for one
	speed    float64       // of the cores
	patience time.Duration // when clients leave; 0 means never
	random   bool          // requests go by chance; otherwise where the fewest are
	kinds    []modelKind

	rng       *rand.Rand
	rate      float64 // requests per second
	now       float64 // seconds
	endpoints []*modelEndpoint
	modelResult
}

// modelResult is what has happened in a run.
type modelResult struct {
	offered, refused, left int
	latencies              []float64 // of answers, in seconds
	work, lasted           float64   // that was done, and how long it took, in seconds
}

// modelKind is a kind of requests, and what the proxy has learned of it.
type modelKind struct {
	share      float64
	work       float64 // the mean, in seconds
	dependency float64 // the mean that another server takes
	dear       float64 // the share of requests with other work
	dearWork   float64 // its mean, in seconds

	sent     int
	learned  float64
	unloaded float64
	square   float64
}

type modelEndpoint struct {
	limit Adaptive
	jobs  []*modelJob // in the order in which they came
	at    float64     // up to when their work is done
	next  float64     // when something happens
}

type modelJob struct {
	kind        *modelKind
	sent        float64
	left        float64 // work in seconds
	sleepsUntil float64 // when the other server answers
	crowd       int
	first       bool
}

func newModel(endpoints, cores int) *model {
	m := &model{
		settings: AdaptiveSettings{Min: 3, Tolerance: 1.5}, cores: cores, speed: 1, patience: time.Second,
		kinds: []modelKind{{share: 1, work: .020}},
		rng:   rand.New(rand.NewPCG(1, 1)),
	}
	for range endpoints {
		m.endpoints = append(m.endpoints, new(modelEndpoint))
	}
	return m
}

// run lets time pass at a load, where 1 is the capacity of cores with speed 1.
func (m *model) run(load, seconds float64) {
	m.modelResult = modelResult{lasted: seconds}
	work := 0.
	for _, k := range m.kinds {
		work += k.share * k.meanWork()
	}
	m.rate = load * float64(m.cores*len(m.endpoints)) / work
	until, arrival := m.now+seconds, m.now+m.rng.ExpFloat64()/m.rate
	for m.now < until {
		var next *modelEndpoint
		m.now = arrival
		for _, e := range m.endpoints {
			if len(e.jobs) > 0 && e.next < m.now {
				next, m.now = e, e.next
			}
		}
		if next != nil {
			m.advance(next)
			m.settle(next)
			m.plan(next)
			continue
		}
		m.arrive()
		arrival = m.now + m.rng.ExpFloat64()/m.rate
	}
}

// rates calls do with each job and the work that it gets per second.
func (m *model) rates(e *modelEndpoint, do func(j *modelJob, rate float64)) {
	running := 0
	for _, j := range e.jobs {
		if j.sleepsUntil <= e.at {
			running++
		}
	}
	rate, free := m.speed, m.cores
	if m.shared {
		rate, free = m.speed*min(1, float64(m.cores)/float64(max(running, 1))), running
	}
	for _, j := range e.jobs {
		if j.sleepsUntil > e.at || free == 0 {
			do(j, 0)
			continue
		}
		free--
		do(j, rate)
	}
}

// plan finds out when something happens at an endpoint.
func (m *model) plan(e *modelEndpoint) {
	e.next = math.Inf(1)
	m.rates(e, func(j *modelJob, rate float64) {
		if rate > 0 {
			e.next = min(e.next, m.now+max(j.left, 0)/rate)
		}
		if j.sleepsUntil > m.now {
			e.next = min(e.next, j.sleepsUntil)
		}
		if m.patience > 0 {
			e.next = min(e.next, max(j.sent+m.patience.Seconds(), m.now))
		}
	})
}

func (m *model) advance(e *modelEndpoint) {
	m.rates(e, func(j *modelJob, rate float64) { j.left -= rate * (m.now - e.at) })
	e.at = m.now
}

// settle ends the jobs of an endpoint that are done, and those whose clients leave.
func (m *model) settle(e *modelEndpoint) {
	crowd := len(e.jobs)
	var over []*modelJob
	e.jobs = slices.DeleteFunc(e.jobs, func(j *modelJob) bool {
		leaves := m.patience > 0 && m.now-j.sent >= m.patience.Seconds()-1e-9
		isOver := leaves || j.left <= 1e-9 && j.sleepsUntil <= m.now
		if isOver {
			over = append(over, j)
		}
		return isOver
	})
	for _, j := range over {
		m.end(e, j, crowd)
	}
}

func (m *model) end(e *modelEndpoint, j *modelJob, crowd int) {
	answer := Answer{
		Sent: instant(j.sent), Latency: m.now - j.sent, Unloaded: j.kind.known(), Square: j.kind.square,
		Crowd: j.crowd, CrowdAtEnd: crowd,
		TimedOut: j.left > 1e-9,
	}
	own := e.limit.Observe(&m.settings, instant(m.now), &answer)
	if answer.TimedOut {
		m.left++
		return
	}
	if own > 0 {
		j.kind.learn(own * answer.Latency)
	} else if j.first {
		j.kind.learn(answer.Latency)
	}
	m.work += j.kind.meanWork()
	m.latencies = append(m.latencies, answer.Latency)
}

// meanWork returns the mean of all requests, and draw that of one.
func (k *modelKind) meanWork() float64 { return k.work + k.dear*(k.dearWork-k.work) }

func (k *modelKind) draw(rng *rand.Rand) float64 {
	if k.dear > 0 && rng.Float64() < k.dear {
		return k.dearWork
	}
	return k.work
}

// known and learn do what load.Route does.
func (k *modelKind) known() float64 {
	if k.learned < 8 {
		return 0
	}
	return k.unloaded
}

func (k *modelKind) learn(latency float64) {
	k.learned = min(k.learned+1, 1000)
	if k.unloaded > 0 {
		latency = min(latency, load.UnloadedClip*k.unloaded)
	}
	k.unloaded += (latency - k.unloaded) / k.learned
	k.square += (latency*latency - k.square) / k.learned
}

func instant(seconds float64) load.Instant { return load.Instant((seconds + 1) * 1e9) }

// arrive sends a request to an endpoint with room.
func (m *model) arrive() {
	m.offered++
	e := m.pick()
	if e == nil {
		m.refused++
		return
	}
	m.advance(e)
	k, luck := &m.kinds[0], m.rng.Float64()
	for i := 1; i < len(m.kinds) && luck >= k.share; i++ {
		luck -= k.share
		k = &m.kinds[i]
	}
	k.sent++
	e.jobs = append(e.jobs, &modelJob{
		kind: k, sent: m.now, left: m.rng.ExpFloat64() * k.draw(m.rng), crowd: len(e.jobs) + 1, first: k.sent <= 16,
		sleepsUntil: m.now + k.dependency*m.rng.ExpFloat64(),
	})
	e.limit.Sent(instant(m.now), len(e.jobs))
	m.plan(e)
}

// burst sends requests at once.
func (m *model) burst(n int) {
	for _, e := range m.endpoints {
		if len(e.jobs) == 0 {
			e.at = m.now
		}
	}
	for range n {
		m.arrive()
	}
}

func (m *model) pick() (best *modelEndpoint) {
	start := m.rng.IntN(len(m.endpoints))
	for n := range m.endpoints {
		e := m.endpoints[(start+n)%len(m.endpoints)]
		if limit := e.limit.Limit(&m.settings); limit > 0 && len(e.jobs) >= limit {
			continue
		}
		if best == nil || !m.random && len(e.jobs) < len(best.jobs) {
			best = e
		}
	}
	return best
}

func (r *modelResult) refusals() float64 { return float64(r.refused) / float64(r.offered) }

// goodput is the work that was done in time, relative to the capacity.
func (m *model) goodput() float64 {
	return m.work / m.lasted / (float64(m.cores*len(m.endpoints)) * m.speed)
}

func (r *modelResult) p99() time.Duration {
	slices.Sort(r.latencies)
	return time.Duration(r.latencies[len(r.latencies)*99/100] * float64(time.Second))
}
