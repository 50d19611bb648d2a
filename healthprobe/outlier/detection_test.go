package outlier

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

// did is the sample of an endpoint with this number of requests and failures. Its successes took
// ms milliseconds each, where 10 is usual.
func did(requests, failures, ms int) sample {
	timed := requests - failures
	relative := float64(ms) / 10
	return sample{Window: endpoint.Window{
		Requests: requests, Failures: failures,
		Timed: timed, Relative: float64(timed) * relative, Squares: float64(timed) * relative * relative,
		Extra: time.Duration(timed*(ms-10)) * time.Millisecond,
	}}
}

// expecting changes the number of failures that is usual for the routes of a sample.
func (s sample) expecting(failures float64) sample {
	s.Expected = failures
	return s
}

// with adds an answer that took so many times as long as usual to a sample.
func (s sample) with(relative float64) sample {
	s.Timed++
	s.Relative += relative
	s.Squares += relative * relative
	s.Extra += maxExtra
	return s
}

// repeat returns n equal samples.
func repeat(n int, s sample) []sample { return slices.Repeat([]sample{s}, n) }

func TestRulesFindOutliers(t *testing.T) {
	latency := func(d *Detection) { d.Latency = 3 }
	for name, c := range map[string]struct {
		change  func(*Detection)
		samples []sample // of the endpoints a, b, c ...
		want    string   // endpoint and reason of each outlier
	}{
		"no requests": {nil, repeat(2, did(0, 0, 0)), ""},

		"nearly all failed":    {nil, []sample{did(50, 43, 5), did(50, 0, 5)}, "a 86% of 50 requests failed"},
		"too few requests":     {nil, []sample{did(49, 49, 5), did(50, 0, 5)}, ""},
		"just below the limit": {nil, []sample{did(50, 42, 5), did(50, 0, 5)}, ""},

		"two of ten worse than the mean": {nil,
			append(repeat(2, did(200, 60, 5)), repeat(8, did(200, 0, 5))...),
			"a 30.0% of 200 requests failed, usual for their routes are 6.0% " +
				"b 30.0% of 200 requests failed, usual for their routes are 6.0%"},
		"one of five worse than the mean": {nil,
			append(repeat(4, did(200, 0, 5)), did(200, 30, 5)),
			"e 15.0% of 200 requests failed, usual for their routes are 3.0%"},
		"one of five worse, as is known of the route": {nil,
			append(repeat(4, did(200, 0, 5).expecting(6)), did(200, 30, 5).expecting(6)),
			"e 15.0% of 200 requests failed, usual for their routes are 3.0%"},
		"one with a route that fails anywhere": {nil,
			append(repeat(4, did(200, 0, 5)), did(200, 90, 5).expecting(88)), ""},
		"one with a route that fails anywhere, beyond that": {nil,
			append(repeat(4, did(200, 0, 5)), did(200, 150, 5).expecting(88)),
			"e 75.0% of 200 requests failed, usual for their routes are 50.2%"},
		"one worse by chance":         {nil, append(repeat(4, did(100, 2, 5)), did(100, 8, 5)), ""},
		"four are too few for a mean": {nil, append(repeat(3, did(200, 0, 5)), did(200, 30, 5)), ""},
		"all equally bad":             {nil, repeat(5, did(100, 10, 5)), ""},
		"one failure in a thousand":   {nil, append(repeat(4, did(1000, 0, 5)), did(1000, 1, 5)), ""},

		"slow": {latency, append(repeat(2, did(50, 0, 10)), did(50, 0, 31)),
			"c answers take 3.1 times as long as usual for their routes, median of all endpoints 1.0"},
		"slow, as is known of the routes": {latency, append(repeat(2, did(50, 0, 5)), did(50, 0, 20)),
			"c answers take 2.0 times as long as usual for their routes, median of all endpoints 0.5"},
		"not slow enough":            {latency, append(repeat(2, did(50, 0, 10)), did(50, 0, 29)), ""},
		"slower by less than 5 ms":   {latency, append(repeat(2, did(50, 0, 1)), did(50, 0, 5)), ""},
		"two are too few to compare": {latency, []sample{did(50, 0, 10), did(50, 0, 100)}, ""},
		"too few answers":            {latency, append(repeat(2, did(50, 0, 10)), did(49, 0, 100)), ""},
		"slow, with the rule off":    {nil, append(repeat(2, did(50, 0, 10)), did(50, 0, 310)), ""},
		"one answer without a bound": {latency,
			append(repeat(2, did(50, 0, 10)), did(49, 0, 10).with(6000)), ""},
		"four huge answers": {latency,
			append(repeat(2, did(50, 0, 10)), did(46, 0, 10).with(12).with(12).with(12).with(12)), ""},
	} {
		t.Run(name, func(t *testing.T) {
			endpointtest.Run(t, func(pool *endpointtest.Pool) {
				names := strings.Split("a b c d e f g h i j", " ")
				pool.SetEndpoints(names...)
				d := newDetection(t)
				if c.change != nil {
					d = newDetection(t, c.change)
				}
				for i := range c.samples {
					c.samples[i].endpoint = pool.Endpoint(names[i])
				}
				var got []string
				for _, found := range d.outliers(c.samples) {
					got = append(got, strings.TrimSuffix(found.endpoint.Address(), ":1"), found.reason)
				}
				if strings.Join(got, " ") != c.want {
					t.Errorf("got %q, want %q", strings.Join(got, " "), c.want)
				}
			})
		})
	}
}

func TestEjectionTimesAreBounded(t *testing.T) {
	d := newDetection(t)
	for n := 1; n < 1000; n++ {
		for _, random := range []float64{0, .5, 1} {
			d := d.ejectionTime(n, random).Seconds()
			if want := math.Min(30*float64(n), 300); d < want*.9-1e-6 || d > want*1.1+1e-6 {
				t.Fatalf("ejection %d lasts %v s", n, d)
			}
		}
	}
	if d := d.ejectionTime(math.MaxInt, 1); d > 331*time.Second {
		t.Error(d)
	}
}

func TestACaddyfileRefusesZeroPercent(t *testing.T) {
	const expected = "'0%' is not a percentage above 0% and up to 100%, such as 50%"
	for option, orOff := range map[string]string{"failure_percentage": ", or off", "max_ejected_percent": ""} {
		text := "outlier {\n" + option + " 0%\n}"
		err := new(Detection).UnmarshalCaddyfile(caddyfile.NewTestDispenser(text))
		if want := "outlier: " + option + ": " + expected + orOff + ", at Testfile:2"; err == nil || err.Error() != want {
			t.Errorf("got  %v\nwant %s", err, want)
		}
	}
}
