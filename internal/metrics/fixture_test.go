package metrics

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/load"
	"github.com/caddy-balance/caddy-balance/internal/loadreport"
)

// startPool acquires a pool with n endpoints until the test ends.
func startPool(t testing.TB, def endpoint.Definition, n int) *endpoint.Claim {
	t.Helper()
	claim, _ := startPoolUntil(t, def, n)
	return claim
}

// startPoolUntil is startPool, until release is called.
func startPoolUntil(t testing.TB, def endpoint.Definition, n int) (claim *endpoint.Claim, release func()) {
	t.Helper()
	def.Config, def.Name = t.Name()+def.Text, "web"
	def.Run = func(ctx context.Context, r *endpoint.Roster) {
		r.SetSources([]endpoint.SourceStatus{{
			Name: "consul", Position: 1, State: endpoint.SourceLive, Entries: n, LastSuccess: time.Unix(1e9, 5e8), Dropped: 2,
		}})
		r.Replace(endpointsOf(n))
		<-ctx.Done()
	}
	claim, err := endpoint.Acquire(def)
	if err != nil {
		t.Fatal(err)
	}
	release = sync.OnceFunc(claim.Release)
	t.Cleanup(release)
	<-claim.Roster.Answered()
	return claim, release
}

// endpointsOf returns a list in the order of addresses, which pools keep.
func endpointsOf(n int) (infos []listing.Info) {
	for i := range n {
		infos = append(infos, listing.Info{Address: fmt.Sprintf("10.0.1%d.1%02d:80", i/100, i%100), Weight: 3})
	}
	return infos
}

// attempt lets an endpoint answer a request, and count all that there is to count.
func attempt(e *endpoint.Endpoint, routes *load.Routes) {
	key := load.KeyOf(load.Plain, "GET", "/")
	route, r, now := routes.Find(&key, 0), load.Request{}, load.Now()
	e.Load.Begin(&r, routes, route, false, now)
	e.Load.Conclude(&r, now+load.Instant(time.Millisecond), load.Answered, time.Minute)
	e.Load.End(&r, now+load.Instant(time.Millisecond), time.Minute)
	e.CountPick("adaptive_latency", endpoint.FirstChoice)
	e.CountEnding(endpoint.Answered)
	e.CountFirstByte(time.Millisecond)
	e.CountCheck(endpoint.CheckPassed, time.Millisecond)
	e.CountEjection(endpoint.SuccessRate)
	e.CountBroken(1)
	e.CountRetry(true)
	e.Report(loadreport.Report{Utilization: .5, Requests: 100}, nil, now)
}

// gather returns what a new registry has, as each config has one.
func gather(t testing.TB) map[string]*dto.MetricFamily {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	for range 2 { // two modules of one config
		if err := Register(registry); err != nil {
			t.Fatal(err)
		}
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	found := make(map[string]*dto.MetricFamily)
	for _, f := range families {
		found[f.GetName()] = f
	}
	return found
}

// value returns the number of a series, -1 if it does not exist. Its labels are "name=value".
func value(families map[string]*dto.MetricFamily, name string, labels ...string) float64 {
	for _, m := range families["caddy_balance_"+name].GetMetric() {
		if !hasLabels(m, labels) {
			continue
		}
		return m.GetCounter().GetValue() + m.GetGauge().GetValue() +
			float64(m.GetHistogram().GetSampleCount()+m.GetSummary().GetSampleCount())
	}
	return -1
}

func hasLabels(m *dto.Metric, labels []string) bool {
	var all []string
	for _, l := range m.Label {
		all = append(all, l.GetName()+"="+l.GetValue())
	}
	text := " " + strings.Join(all, " ") + " "
	for _, l := range labels {
		if !strings.Contains(text, " "+l+" ") {
			return false
		}
	}
	return true
}

func silent() endpoint.Owner { return endpoint.Owner{Logger: zap.NewNop()} }

// sessionTable is a table of sticky sessions.
type sessionTable endpoint.SessionCounts

func (t sessionTable) SessionPool() string { return t.Pool }
func (t sessionTable) SessionCounts(time.Time) endpoint.SessionCounts {
	return endpoint.SessionCounts(t)
}
func (sessionTable) SessionsAt(string, time.Time) int      { return 0 }
func (sessionTable) AddSessions(map[string]int, time.Time) {}

// keepSessions adds a table of sessions until the test ends.
func keepSessions(t testing.TB, pool, carrier string, n int) {
	t.Helper()
	_, release := endpoint.Keep(t.Name()+fmt.Sprint(pool, carrier, n), func() sessionTable {
		return sessionTable{Pool: pool, Carrier: carrier, Sessions: n, Limit: 100, Evicted: 3}
	})
	t.Cleanup(release)
}
