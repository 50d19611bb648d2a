package main

import (
	"io"
	"strings"
	"testing"
	"time"
)

func TestDefaultsCompareAllProxiesInAllScenarios(t *testing.T) {
	o, err := parse(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if len(o.scenarios) != len(scenarios) || len(o.proxies) != 4 || o.rounds != 3 {
		t.Errorf("%d scenarios, %d proxies, %d rounds", len(o.scenarios), len(o.proxies), o.rounds)
	}
}

func TestFlagsChooseWhatRuns(t *testing.T) {
	o, err := parse([]string{
		"-duration", "2s", "-rate", "50", "-rounds", "1", "-scenarios", "mixed,slow",
		"-proxies", "nginx/least_time header inflight,haproxy/random(2)", "-nginx", "/opt/nginx",
	}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	if o.duration != 2*time.Second || o.rate != 50 || o.rounds != 1 {
		t.Errorf("%s, %g requests/s, %d rounds", o.duration, o.rate, o.rounds)
	}
	if got := strings.Join(names(o.scenarios), " "); got != "mixed slow" {
		t.Errorf("scenarios: %s", got)
	}
	if got := o.proxies[0].String() + ", " + o.proxies[1].String(); got != "NGINX `least_time header inflight`, HAProxy `random(2)`" {
		t.Errorf("proxies: %s", got)
	}
	if o.binaries["nginx"] != "/opt/nginx" {
		t.Errorf("binary: %s", o.binaries["nginx"])
	}
}

func TestWrongFlagsAreRefusedWithTheReason(t *testing.T) {
	for _, test := range []struct{ args, want string }{
		{"-scenarios rain", `unknown scenario "rain", not one of speeds, slow, hang, errors, mixed`},
		{"-proxies envoy/least_request", `unknown proxy "envoy/least_request"`},
		{"-proxies nginx", `unknown proxy "nginx"`},
		{"-rate 0", "must be positive"},
		{"-rounds -1", "must be positive"},
		{"-layer4 -scenarios mixed", "-layer4 has no scenarios"},
		{"-layer4 -proxies nginx/least_conn", `unknown proxy "nginx/least_conn", not a method of bare, caddy, haproxy, pool`},
		{"mixed", `unexpected argument "mixed"`},
	} {
		_, err := parse(strings.Fields(test.args), io.Discard)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %s", test.args, err, test.want)
		}
	}
}
