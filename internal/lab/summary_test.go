package main

import (
	"testing"
	"time"
)

func TestSummaryShowsQuickRequestsAndErrorsOfAll(t *testing.T) {
	report := &class{path: "/report"}
	var requests []request
	var answers []answer
	add := func(c *class, a answer) {
		requests, answers = append(requests, request{class: c, work: time.Millisecond}), append(answers, a)
	}
	for i := range 100 {
		add(quick, answer{latency: time.Duration(i+1) * time.Millisecond, late: time.Duration(i) * time.Microsecond})
	}
	add(quick, answer{cut: true})
	for range 25 {
		add(report, answer{latency: deadline, failed: true})
	}
	s := summarize(requests, answers, latency)
	if got := s.latencies(" "); got != "51.0 100 100" {
		t.Errorf("latencies: %s", got)
	}
	if s.errors != 0.2 {
		t.Errorf("errors: %g", s.errors)
	}
	if s := summarize(requests, answers, addedLatency); s.p50 != 50*time.Millisecond {
		t.Errorf("added beyond the work: %s", s.p50)
	}
}

func TestEmptyRunHasNoFigures(t *testing.T) {
	if s := summarize(nil, nil, latency); s != (summary{}) {
		t.Errorf("%+v", s)
	}
}

func TestMediansIgnoreOneBadRound(t *testing.T) {
	good := summary{p50: 1, p99: 2, p999: 3, late: 4, errors: 0.1, busy: 0.2}
	bad := summary{p50: 100, p99: 100, p999: 100, late: 100, errors: 1, busy: 1}
	if got := medians([]summary{good, bad, good}); got != good {
		t.Errorf("%+v", got)
	}
}

func TestProcessorsAreBusyUnlessIdleOrWaitingForADisk(t *testing.T) {
	before := parseProcessors("cpu  100 0 100 1000 50 0 0 0 0 0\ncpu0 1 2 3\n")
	after := parseProcessors("cpu  130 10 110 1140 60 0 0 10 7 0\n")
	if got := after.busySince(before); got < 0.2857 || got > 0.2858 { // 60 of 210 ticks
		t.Errorf("%g", got)
	}
	if got := parseProcessors("").busySince(parseProcessors("")); got != -1 {
		t.Errorf("without /proc/stat: %g", got)
	}
}
