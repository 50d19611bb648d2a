package main

import (
	"strings"
	"testing"
	"time"
)

func TestTableHasARowForEachScenarioAndProxy(t *testing.T) {
	o, err := parse([]string{"-scenarios", "slow,mixed", "-proxies", "pool/adaptive_latency,nginx/least_conn"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	s := &session{options: o, added: []summary{{p50: time.Millisecond}}}
	for _, p := range o.proxies {
		s.proxies = append(s.proxies, installed{proxy: p, version: "1.2.3"})
	}
	for _, p99 := range []time.Duration{40, 900, 50} {
		s.results = append(s.results, result{"slow", o.proxies[1], summary{p99: p99 * time.Millisecond, busy: 0.3}})
	}
	s.results = append(s.results, result{"mixed", o.proxies[0], summary{errors: 0.0016, busy: 0.9}})

	var text strings.Builder
	s.print(&text)
	for _, want := range []string{
		"| slow | NGINX `least_conn` | 0.00 | 50.0 | 0.00 | 0 % |\n",
		"| mixed | Caddy, pool `adaptive_latency` | 0.00 | 0.00 | 0.00 | 0.16 % |\n",
		"Versions: Caddy 1.2.3, NGINX 1.2.3.\n",
		"the machine adds 1.00 / 0.00 / 0.00 ms",
		"more than 50 % in 1 of 4 runs",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &text)
		}
	}
	if strings.Contains(text.String(), "| slow | Caddy") {
		t.Errorf("a row without a run\n%s", &text)
	}
}

func TestNothingMeasuredPrintsNothing(t *testing.T) {
	var text strings.Builder
	new(session).print(&text)
	if text.Len() > 0 {
		t.Errorf("%s", &text)
	}
}
