package metrics

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

// maxEndpoints is the number of endpoints beyond which a pool has no metrics of each, unless its
// definition asks for them.
const maxEndpoints = 1000

// Register makes the metrics a part of a registry, which is that of one config. Each module of the
// config may call it.
func Register(r prometheus.Registerer) error {
	var registered prometheus.AlreadyRegisteredError
	if err := r.Register(collector{}); err != nil && !errors.As(err, &registered) {
		return err
	}
	return nil
}

// collector collects the metrics of all pools of the process. It has no state, so that the
// registries of two configs do not differ while one replaces the other.
type collector struct{}

// Describe implements prometheus.Collector.
func (collector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range all {
		out <- m.desc
	}
}

// Collect implements prometheus.Collector.
func (collector) Collect(out chan<- prometheus.Metric) {
	type named struct {
		name string
		*endpoint.Pool
	}
	var pools []named // the look-up holds a lock
	endpoint.Each(func(name string, p *endpoint.Pool) bool {
		pools = append(pools, named{name, p})
		return true
	})
	for _, p := range pools {
		c := collection{out: out, pool: p.Pool, label: label("pool", p.name), now: load.Now()}
		c.collect()
	}
	collectSessions(out)
}

// collection collects the metrics of one pool.
type collection struct {
	out    chan<- prometheus.Metric
	pool   *endpoint.Pool
	label  *dto.LabelPair // the name of the pool
	now    load.Instant
	totals endpoint.Totals
}

func (c *collection) collect() {
	c.pool.AddTotals(&c.totals)
	if roster := c.pool.Newest(); roster != nil {
		c.addRoster(roster)
		c.addSources(roster)
		if perEndpoint(roster) {
			c.addMembers(roster)
		}
	} else if c.totals.Picks > 0 {
		c.addUnlisted()
	} else {
		return // nothing was picked from it
	}
	c.addTraffic()
}

// perEndpoint reports whether there are metrics of each endpoint of a pool.
func perEndpoint(r *endpoint.Roster) bool {
	if set := r.MetricsPerEndpoint(); set != nil {
		return *set
	}
	n := len(r.Snapshot().Members)
	if n > maxEndpoints && r.FirstTime("metrics per endpoint") {
		logTooMany(r.Logger(), r.Name(), n)
	}
	return n <= maxEndpoints
}

func (c *collection) add(m *metric, value float64, labels ...*dto.LabelPair) {
	c.out <- &series{m, labels, value}
}
