package healthprobe

import (
	"fmt"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// Results are written as + for a pass and - for a failure, and the verdict after each as H
// (healthy) or U (unhealthy).
func TestAVerdictChangesAfterRiseOrFallResultsInARow(t *testing.T) {
	for _, c := range []struct{ initial, results, want string }{
		{"H", "+----", "HHHUU"},
		{"H", "+--+--+--+---", "HHHHHHHHHHHHU"},
		{"H", "+---++", "HHHUUH"},
		{"H", "+---+-+-++", "HHHUUUUUUH"},
		{"H", "-", "U"}, // the first decides
		{"H", "-+", "UU"},
		{"H", "-++", "UUH"},
		{"U", "+", "H"},
		{"U", "-", "U"},
		{"U", "+---", "HHHU"},
	} {
		v, got := endpoint.ProbeVerdict{Passes: c.initial == "H"}, ""
		for _, result := range c.results {
			var failure endpoint.Failure
			if result == '-' {
				failure.Reason = "refused"
			}
			v = thresholds{rise: 2, fall: 3}.next(v, failure, time.Now())
			got += map[bool]string{true: "H", false: "U"}[v.Passes]
		}
		if got != c.want {
			t.Errorf("%s from %s: got %s, want %s", c.results, c.initial, got, c.want)
		}
	}
}

func TestAVerdictHasATimeAndAReason(t *testing.T) {
	at := func(s int) time.Time { return time.Unix(int64(s), 0) }
	limits := thresholds{rise: 2, fall: 3}
	v := endpoint.ProbeVerdict{Passes: true, Since: at(0)}
	var got []string
	for s, reason := range []string{"", "a", "b", "GET /healthz: status 503", "d", "", ""} {
		next := limits.next(v, endpoint.Failure{Reason: reason, Took: 12 * time.Millisecond}, at(s))
		if next.Passes != v.Passes {
			got = append(got, fmt.Sprint(next.Since.Unix(), " ", limits.reason(v, next)))
		}
		v = next
	}
	want := "[3 3 of 3 checks failed, last: GET /healthz: status 503 in 12ms 6 2 of 2 checks passed]"
	if fmt.Sprint(got) != want {
		t.Errorf("got %v, want %v", got, want)
	}
	first := limits.next(endpoint.ProbeVerdict{Passes: true}, endpoint.Failure{Reason: "refused"}, at(0))
	if r := limits.reason(endpoint.ProbeVerdict{Passes: true}, first); r != "its first check failed: refused in 0s" {
		t.Error(r)
	}
}
