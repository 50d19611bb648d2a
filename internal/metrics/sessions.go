package metrics

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Of each kind of sticky sessions that the proxy remembers.
var (
	poolSessions = gauge("pool_sessions",
		"Sticky sessions that the proxy remembers.", "carrier", "pool")
	poolSessionsLimit = gauge("pool_sessions_limit",
		"Maximum number of sticky sessions that the proxy remembers.", "carrier", "pool")
	poolSessionsEvicted = counter("pool_sessions_evicted_total",
		"Sticky sessions that were forgotten before their time, because there were too many.", "carrier", "pool")
)

// collectSessions adds up the tables of one pool and carrier: each list of static upstreams has its
// own.
func collectSessions(out chan<- prometheus.Metric) {
	type key struct{ carrier, pool string }
	sums := make(map[key]endpoint.SessionCounts)
	endpoint.EachSessionTable(time.Now(), func(c endpoint.SessionCounts) {
		sum := sums[key{c.Carrier, c.Pool}]
		sum.Sessions += c.Sessions
		sum.Limit += c.Limit
		sum.Evicted += c.Evicted
		sums[key{c.Carrier, c.Pool}] = sum
	})
	for k, sum := range sums {
		labels := []*dto.LabelPair{label("carrier", k.carrier), label("pool", k.pool)}
		out <- &series{poolSessions, labels, float64(sum.Sessions)}
		out <- &series{poolSessionsLimit, labels, float64(sum.Limit)}
		out <- &series{poolSessionsEvicted, labels, float64(sum.Evicted)}
	}
}
