package outlier

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// mix sends requests of several routes to the endpoints of a pool. Its results are compared with
// what the pool has learned of the routes, as those of attempts are.
type mix struct {
	t *testing.T
	*endpointtest.Pool
	*rand.Rand
	routes load.Routes
	now    load.Instant
}

const mixDecay = 10 * time.Second

// send reports a request for a path to one of the endpoints a to e.
func (m *mix) send(to int, path string, takes time.Duration, status int) {
	m.now += load.Instant(10 * time.Millisecond)
	e := m.Endpoint(mixNames[to])
	key := load.KeyOf(load.Plain, "GET", path)
	route := m.routes.Find(&key, m.now)
	result := load.Answered
	if status >= 500 {
		result = load.Failed
	}
	var r load.Request
	e.Load.Begin(&r, &m.routes, route, false, m.now-load.Instant(takes))
	c, _ := e.Load.Conclude(&r, m.now, result, mixDecay)
	e.Load.End(&r, m.now, mixDecay)
	e.Observe(endpoint.Result{Status: status, Latency: c.Latency, Relative: c.Relative, Expected: c.Expected})
}

var mixNames = []string{"a", "b", "c", "d", "e"}

// random returns a random time with this mean.
func (m *mix) random(mean time.Duration) time.Duration {
	return time.Duration(m.ExpFloat64() * float64(mean))
}

// each calls f for each of 1,000 requests in an interval. to is the endpoint that gets it.
func (m *mix) each(f func(to, i int)) {
	for i := range 1000 {
		f(m.IntN(len(mixNames)), i)
	}
}

// quick sends a quick request.
func (m *mix) quick(to int) { m.send(to, "/quick", m.random(5*time.Millisecond), 200) }

const none = -1

// polls is one interval of 3 % polls of about 25 s and 4 % reports beside quick requests, which are
// slow at one endpoint.
func (m *mix) polls(slow int) {
	m.each(func(to, i int) {
		switch {
		case i%33 == 0:
			m.send(to, "/poll", 24*time.Second+m.random(time.Second), 200)
		case i%25 == 0:
			m.send(to, "/report", 150*time.Millisecond+m.random(150*time.Millisecond), 200)
		case to == slow:
			m.send(to, "/quick", m.random(25*time.Millisecond), 200)
		default:
			m.quick(to)
		}
	})
}

// fails returns the status of a request that fails with this chance.
func (m *mix) fails(chance float64) int {
	if m.Float64() < chance {
		return 500
	}
	return 200
}

var mixes = []struct {
	name     string
	interval func(*mix)
	ejects   string // the endpoint that is ejected
}{
	{"polls of 25 s and reports", func(m *mix) { m.polls(none) }, ""},
	{"polls, and one endpoint takes five times as long for quick requests", func(m *mix) {
		m.polls(2)
	}, "c"},
	{"one endpoint gets all reports", func(m *mix) {
		m.each(func(to, i int) {
			if i%5 == 0 {
				m.send(0, "/report", m.random(2*time.Second), 200)
			} else {
				m.quick(to)
			}
		})
	}, ""},
	{"each endpoint has its own routes", func(m *mix) {
		m.each(func(to, _ int) {
			path := "/" + mixNames[to]
			m.send(to, path, m.random(time.Millisecond<<(3*to)), m.fails(.02*float64(to)))
		})
	}, ""},
	{"one route has cheap and dear requests", func(m *mix) {
		m.each(func(to, i int) {
			if m.IntN(100) == 0 {
				m.send(to, "/search", m.random(time.Second), 200)
			} else {
				m.send(to, "/search", m.random(5*time.Millisecond), 200)
			}
		})
	}, ""},
	{"one answer of 30 s on a route of 5 ms", func(m *mix) {
		m.each(func(to, _ int) { m.quick(to) })
		m.send(1, "/quick", 30*time.Second, 200)
	}, ""},
	{"many routes with few requests", func(m *mix) {
		m.each(func(to, _ int) {
			path := "/page-" + string(rune('a'+m.IntN(26))) + string(rune('a'+m.IntN(26)))
			m.send(to, path, m.random(20*time.Millisecond), 200)
		})
	}, ""},
	{"2 % of all requests fail", func(m *mix) {
		m.each(func(to, _ int) { m.send(to, "/quick", m.random(5*time.Millisecond), m.fails(.02)) })
	}, ""},
	{"one endpoint gets all requests of a route that always fails", func(m *mix) {
		m.each(func(to, i int) {
			if i%10 == 0 {
				m.send(0, "/broken", time.Millisecond, 500)
			} else {
				m.quick(to)
			}
		})
	}, ""},
	{"one endpoint gets most requests of a route that often fails", func(m *mix) {
		m.each(func(to, i int) {
			if i%10 == 0 {
				m.send(max(0, m.IntN(20)-15), "/flaky", time.Millisecond, m.fails(.3))
			} else {
				m.quick(to)
			}
		})
	}, ""},
	{"a client repeats a request that always fails", func(m *mix) {
		m.each(func(to, i int) {
			m.quick(to)
			if i%100 == 0 {
				for range 9 {
					m.send(to, "/broken", time.Millisecond, 500)
				}
			}
		})
	}, ""},
	{"one endpoint fails a tenth of what works elsewhere", func(m *mix) {
		m.each(func(to, _ int) {
			status := 200
			if to == 3 {
				status = m.fails(.1)
			}
			m.send(to, "/quick", m.random(5*time.Millisecond), status)
		})
	}, "d"},
	{"one endpoint fails, beside a route that always fails", func(m *mix) {
		m.each(func(to, i int) {
			switch {
			case i%20 == 0:
				m.send(to, "/broken", time.Millisecond, 500)
			case to == 4:
				m.send(to, "/quick", time.Millisecond, 500)
			default:
				m.quick(to)
			}
		})
	}, "e"},
}

func TestAMixOfRoutesEjectsOnlyWhatIsSlowOrSick(t *testing.T) {
	for _, c := range mixes {
		t.Run(c.name, func(t *testing.T) {
			d := newDetection(t, func(d *Detection) { d.Latency = 3 })
			endpointtest.Run(t, func(pool *endpointtest.Pool) {
				pool.SetEndpoints(mixNames...)
				m := &mix{t: t, Pool: pool, Rand: rand.New(rand.NewPCG(1, 2))}
				for range 20 {
					m.each(func(to, _ int) { m.quick(to) })
				}
				pool.Sleep(10 * time.Second)
				for range 20 {
					c.interval(m)
					pool.Sleep(10 * time.Second)
					m.wantNoneEjectedBut(c.ejects)
					if m.isEjected(c.ejects) {
						return
					}
				}
				if c.ejects != "" {
					t.Errorf("%s is not ejected", c.ejects)
				}
			}, d)
		})
	}
}

func (m *mix) wantNoneEjectedBut(outlier string) {
	m.t.Helper()
	for _, name := range mixNames {
		if name != outlier && m.isEjected(name) {
			m.t.Fatalf("%s is ejected: %s", name, m.Endpoint(name).Ejection().Reason)
		}
	}
}

func (m *mix) isEjected(name string) bool {
	return name != "" && m.Endpoint(name).Is(endpoint.Ejected)
}
