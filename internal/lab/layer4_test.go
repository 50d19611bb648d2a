package main

import (
	"context"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/freeport"
)

func TestLayer4HasOtherDefaultsThatFlagsReplace(t *testing.T) {
	o, err := parse([]string{"-layer4", "-rounds", "1"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	pool := connectionPrograms["pool"]
	if !o.layer4 || o.rounds != 1 || o.rate != 1000 || len(o.proxies) < 4 || o.proxies[0].program != pool {
		t.Errorf("%d rounds, %g connections/s, %v", o.rounds, o.rate, o.proxies)
	}
}

func TestConfigsOfLayer4NameTheAddressAndEveryBackend(t *testing.T) {
	for name, p := range connectionPrograms {
		config := p.config("127.0.0.1:12345", "some_method", []string{"127.0.0.1:1", "127.0.0.1:2"})
		for _, want := range []string{"127.0.0.1:12345", "127.0.0.1:1", "127.0.0.1:2"} {
			if !strings.Contains(config, want) {
				t.Errorf("%s: %s is missing in\n%s", name, want, config)
			}
		}
		if name != "bare" && !strings.Contains(config, "some_method") {
			t.Errorf("%s: no method in\n%s", name, config)
		}
	}
}

func TestHAProxySplicesIfTheMethodSaysSo(t *testing.T) {
	config := haproxyConnectionConfig("127.0.0.1:1", "leastconn splice", []string{"127.0.0.1:2"})
	if !strings.Contains(config, "balance leastconn\n\toption splice-auto\n") {
		t.Error(config)
	}
}

// targetOfBackends returns the backends alone.
func targetOfBackends(t *testing.T) *target {
	t.Helper()
	backends, stop, err := startConnectionFleet(1)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	return &target{name: withoutProxy, address: backends[0], pid: os.Getpid()}
}

func TestARoundMeasuresConnectionsAndStreams(t *testing.T) {
	o := &options{duration: 100 * time.Millisecond, rate: 200, seed: 1}
	r, err := targetOfBackends(t).measure(t.Context(), o, 0)
	if err != nil {
		t.Fatal(err)
	}
	if r.perSec == 0 || r.failed != 0 || r.first.p50 == 0 || r.first.errors != 0 || r.up.rate == 0 || r.down.rate == 0 {
		t.Errorf("%+v", r)
	}
}

func TestAProxyThatAnswersNothingIsAnError(t *testing.T) {
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	o := &options{duration: time.Millisecond, rate: 1, seed: 1}
	if _, err := (&target{address: address}).measure(t.Context(), o, 0); err == nil {
		t.Error("no error")
	}
}

func TestAStreamThatBreaksIsAnError(t *testing.T) {
	limited, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// Backends close a connection that asks for something else.
	if n, err := stream(limited, targetOfBackends(t).address, 'x', time.Hour); err == nil {
		t.Errorf("%d bytes", n)
	}
}

func TestProcessorTimeIsThatOfUserAndSystem(t *testing.T) {
	text := "1234 (a (strange) name) S 1 1234 1234 0 -1 4194560 1 2 3 4 150 50 0 0 20 0 7 0"
	if got := parseProcessorTime(text); got != 2*time.Second {
		t.Error(got)
	}
	if got := parseProcessorTime(""); got != 0 {
		t.Error(got)
	}
}

func TestTheTableOfLayer4HasMediansOfEachProxy(t *testing.T) {
	o, err := parse([]string{"-layer4", "-proxies", "pool/least,haproxy/leastconn"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	s := &connectionSession{options: o}
	for _, p := range o.proxies {
		s.proxies = append(s.proxies, installed{proxy: p, version: "1.2.3"})
	}
	for _, n := range []float64{5000, 1, 6000} {
		s.results = append(s.results, connectionResult{o.proxies[0].String(), connectionSummary{
			perSec: n, each: 150 * time.Microsecond, first: summary{p99: 2 * time.Millisecond, errors: 0.01},
			up: streamSummary{rate: 1e9, cost: 350 * time.Millisecond},
		}})
	}
	var text strings.Builder
	s.print(&text)
	for _, want := range []string{
		"| Caddy, pool `least` | 5000 | 150 | 0.00 | 2.00 | 0.00 | 1000 | 350 | 0 | 0 | 1 % |\n",
		"Versions: Caddy 1.2.3, HAProxy 1.2.3.",
	} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("%q is missing in\n%s", want, &text)
		}
	}
	if strings.Contains(text.String(), "| HAProxy") {
		t.Errorf("a row without a run\n%s", &text)
	}
}
