package main

import (
	"strings"
	"testing"
	"time"
)

// measure returns what does not hold of a run with these requests, as one text.
func measure(before, after rest, results ...result) string {
	now := time.Now()
	l := new(load)
	for _, r := range results {
		l.exchanges = append(l.exchanges, exchange{due: now, ended: now.Add(time.Second), result: r, reason: "why"})
	}
	t := &trial{load: l}
	return strings.Join(t.measured(before, after).unmet, "\n")
}

func TestARunThatHoldsAllBoundsHasNothingToSay(t *testing.T) {
	some := rest{goroutines: 100, heap: 20 << 20}
	if got := measure(some, some, answered, broken, turnedAway); got != "" {
		t.Error(got)
	}
}

func TestEachBoundCanBeMissed(t *testing.T) {
	before := rest{goroutines: 100, heap: 20 << 20}
	more := func(goroutines, heap, inFlight int) rest {
		return rest{before.goroutines + goroutines, before.heap + heap, inFlight}
	}
	for want, got := range map[string]string{
		"1 of 2 requests failed":        measure(before, before, answered, failed),
		"1 of 3 requests failed":        measure(before, before, answered, answered, dropped),
		"2 of 3 requests failed":        measure(before, before, answered, rejected, rejected),
		"no request was answered":       measure(before, before, broken),
		"1 requests are in flight":      measure(before, more(0, 0, 1), answered),
		"113 goroutines were 100":       measure(before, more(moreGoroutines+1, 0, 0), answered),
		"bytes of heap were 20971520":   measure(before, more(0, moreHeap+1, 0), answered),
		"requests failed: map[: why:1]": measure(before, before, answered, failed),
	} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
}

func TestFiguresStandInOneLine(t *testing.T) {
	now := time.Now()
	l := &load{exchanges: []exchange{
		{due: now, ended: now.Add(20 * time.Millisecond)}, {due: now, ended: now.Add(3 * time.Second), result: broken},
	}}
	m := (&trial{load: l}).measured(rest{goroutines: 30, heap: 4 << 20}, rest{goroutines: 31, heap: 5 << 20})
	got := (&outcome{name: "kills", pool: true, measurements: m}).String()
	if want := "kills, pool: 2 | 0 | 1 | 0 | 20.0 | 20.0 | 30 → 31 | 4.0 → 5.0 | 0"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestOnlyAPoolMustHoldTheBounds(t *testing.T) {
	missed := measurements{unmet: []string{"a bound"}}
	if err := unmet([]*outcome{{name: "kills", measurements: missed}}); err != nil {
		t.Errorf("stock Caddy: %v", err)
	}
	err := unmet([]*outcome{{name: "kills", pool: true, measurements: missed}})
	if err == nil || !strings.Contains(err.Error(), "kills, pool: a bound") {
		t.Errorf("pool: %v", err)
	}
}
