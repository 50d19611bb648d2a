package metrics

import (
	"slices"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func TestEveryMetricHasSeriesAndNoneIsObjectedToByPrometheus(t *testing.T) {
	claim := startPool(t, endpoint.Definition{
		Owner: silent(), Limits: bounded, Rules: endpoint.Rules{LoadReports: true},
	}, 2)
	attempt(claim.Roster.Snapshot().Members[0].Endpoint, claim.Pool.Routes())
	keepSessions(t, "web", "client_ip", 7)
	defer claim.Roster.AddSplitter(twoSplits{})()
	found := gather(t)
	var families []*dto.MetricFamily
	for _, m := range all {
		if found[m.name] == nil {
			t.Errorf("%s has no series", m.name)
		} else {
			families = append(families, found[m.name])
		}
	}
	problems, err := promlint.NewWithMetricFamilies(families).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
	if len(found) != len(all) {
		t.Errorf("%d metrics have series, and %d are defined", len(found), len(all))
	}
}

// twoSplits are two policies that have a group of the same name.
type twoSplits struct{}

func (twoSplits) GroupOf(*listing.Info) string { return "canary" }

func (twoSplits) Groups(*endpoint.Roster) []endpoint.Group {
	return []endpoint.Group{{Name: "canary", Key: "canary 1", Share: 10}, {Name: "canary", Key: "canary 2", Share: 20}}
}

func TestTheLabelsOfAMetricAreInTheOrderOfItsSeries(t *testing.T) {
	for _, m := range all {
		if !slices.IsSorted(m.labels) {
			t.Errorf("%s: %v", m.name, m.labels)
		}
	}
}

func TestAPoolIsSummedUp(t *testing.T) {
	claim := startPool(t, endpoint.Definition{Owner: silent(), Rules: endpoint.Rules{Watched: endpoint.ProbeFailed}}, 4)
	members := claim.Roster.Snapshot().Members
	attempt(members[0].Endpoint, claim.Pool.Routes())
	attempt(members[1].Endpoint, claim.Pool.Routes())
	members[2].Set(endpoint.ProbeFailed, true)
	members[1].CountObservedEjection(endpoint.SlowAnswers)
	claim.Pool.CountUnserved()
	claim.Pool.SourceCounts("consul", 1).Errors.Add(7)
	found := gather(t)
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"pool_endpoints", []string{"pool=web", "state=healthy"}, 3},
		{"pool_endpoints", []string{"state=unhealthy"}, 1},
		{"pool_endpoints", []string{"state=ejected"}, 0},
		{"pool_usable_ratio", nil, .75},
		{"pool_fail_open", nil, 0},
		{"pool_attempts_total", []string{"outcome=worked", "reason=answered"}, 2},
		{"pool_attempts_total", []string{"outcome=failed", "reason=status"}, 0},
		{"pool_time_to_first_byte_seconds", nil, 2},
		{"pool_picks_total", []string{"policy=adaptive_latency", "reason=first_choice"}, 2},
		{"pool_retries_total", []string{"endpoint=tried"}, 2},
		{"pool_unserved_picks_total", nil, 1},
		{"pool_ejections_total", []string{"reason=success_rate"}, 2},
		{"pool_observed_ejections_total", []string{"reason=latency"}, 1},
		{"pool_checks_total", []string{"result=passed"}, 2},
		{"endpoint_state", []string{"endpoint=10.0.10.102:80", "state=unhealthy"}, 1},
		{"endpoint_state", []string{"endpoint=10.0.10.102:80", "state=healthy"}, -1},
		{"endpoint_configured_weight", []string{"endpoint=10.0.10.100:80"}, 3},
		{"endpoint_effective_weight", []string{"endpoint=10.0.10.100:80"}, 3},
		{"endpoint_attempts_total", []string{"endpoint=10.0.10.100:80", "outcome=worked"}, 1},
		{"endpoint_relative_latency_ratio", []string{"endpoint=10.0.10.100:80"}, 1},
		{"endpoint_relative_latency_ratio", []string{"endpoint=10.0.10.103:80"}, -1},
		{"endpoint_check_duration_seconds", []string{"endpoint=10.0.10.100:80"}, 1},
		{"source_updates_total", []string{"source=consul", "position=1", "result=error"}, 7},
		{"source_state", []string{"state=live"}, 1},
		{"source_state", []string{"state=stale"}, 0},
		{"source_last_success_timestamp_seconds", nil, 1e9 + .5},
		{"source_endpoints", nil, 4},
		{"source_dropped_entries", nil, 2},
	} {
		if got := value(found, c.name, c.labels...); got != c.want {
			t.Errorf("%s%v = %v, want %v", c.name, c.labels, got, c.want)
		}
	}
}

func TestADepartedEndpointHasNoSeriesAndStaysInTheTotals(t *testing.T) {
	claim := startPool(t, endpoint.Definition{Owner: silent()}, 2)
	attempt(claim.Roster.Snapshot().Members[1].Endpoint, claim.Pool.Routes())
	claim.Roster.Replace(endpointsOf(1))
	found := gather(t)
	for name, family := range found {
		for _, m := range family.Metric {
			if hasLabels(m, []string{"endpoint=10.0.10.101:80"}) {
				t.Errorf("%s has a series of the endpoint that left", name)
			}
		}
	}
	if n := value(found, "pool_attempts_total", "reason=answered"); n != 1 {
		t.Errorf("the pool has %v attempts, want 1", n)
	}
}

func TestAReloadNeitherResetsCountersNorRegistersTwice(t *testing.T) {
	old, release := startPoolUntil(t, endpoint.Definition{Owner: silent(), Text: "old"}, 2)
	attempt(old.Roster.Snapshot().Members[0].Endpoint, old.Pool.Routes())
	startPool(t, endpoint.Definition{Owner: silent(), Text: "new"}, 2)
	release()
	found := gather(t)
	if n := value(found, "endpoint_attempts_total", "endpoint=10.0.10.100:80"); n != 1 {
		t.Errorf("after the reload the endpoint has %v attempts, want 1", n)
	}
	if n := value(found, "pool_endpoints", "state=healthy"); n != 2 {
		t.Errorf("after the reload the pool has %v endpoints, want 2", n)
	}
}

func TestALargePoolHasMetricsOfEachEndpointOnlyIfAsked(t *testing.T) {
	on, off := true, false
	for name, c := range map[string]struct {
		endpoints int
		set       *bool
		each      bool
	}{
		"at the limit":         {maxEndpoints, nil, true},
		"beyond the limit":     {maxEndpoints + 1, nil, false},
		"on, beyond the limit": {maxEndpoints + 1, &on, true},
		"off, a small pool":    {1, &off, false},
	} {
		t.Run(name, func(t *testing.T) {
			core, log := observer.New(zap.InfoLevel)
			startPool(t, endpoint.Definition{Owner: endpoint.Owner{Logger: zap.New(core)}, Metrics: c.set}, c.endpoints)
			found := gather(t)
			gather(t)
			if _, each := found["caddy_balance_endpoint_state"]; each != c.each {
				t.Errorf("metrics of each endpoint: %v, want %v", each, c.each)
			}
			if value(found, "pool_endpoints", "state=healthy") != float64(c.endpoints) {
				t.Error("the pool as a whole has no metrics")
			}
			lines := log.FilterMessage("pool has too many endpoints for metrics of each").Len()
			if want := c.set == nil && !c.each; want != (lines == 1) || lines > 1 {
				t.Errorf("%d log lines", lines)
			}
		})
	}
}

func TestSessionTablesOfOnePoolAndCarrierAreSummedUp(t *testing.T) {
	keepSessions(t, "", "client_ip", 7)
	keepSessions(t, "", "client_ip", 8)
	keepSessions(t, "web", "learn JSESSIONID", 9)
	found := gather(t)
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"pool_sessions", []string{"carrier=client_ip", "pool="}, 15},
		{"pool_sessions_limit", []string{"carrier=client_ip", "pool="}, 200},
		{"pool_sessions_evicted_total", []string{"carrier=client_ip", "pool="}, 6},
		{"pool_sessions", []string{"carrier=learn JSESSIONID", "pool=web"}, 9},
	} {
		if got := value(found, c.name, c.labels...); got != c.want {
			t.Errorf("%s of %v is %v, want %v", c.name, c.labels, got, c.want)
		}
	}
}
