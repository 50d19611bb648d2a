package main

import (
	"testing"
	"testing/synctest"
	"time"
)

// at ends a request that began and ended at times, and returns its result.
func (l *load) at(e exchange) result {
	l.open++
	l.record(e)
	return l.exchanges[len(l.exchanges)-1].result
}

func TestOnlyWhileACaddyEndsMayRequestsBeDropped(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := new(load)
		sent := time.Now()
		if got := l.at(exchange{sent: sent, result: dropped}); got != dropped {
			t.Errorf("before: %d", got)
		}
		time.Sleep(time.Second)
		_ = l.whileEnding(func() error {
			time.Sleep(time.Second)
			if got := l.at(exchange{sent: sent, result: dropped}); got != turnedAway {
				t.Errorf("meanwhile: %d", got)
			}
			if got := l.at(exchange{sent: sent, result: failed}); got != failed {
				t.Errorf("a failure meanwhile: %d", got)
			}
			return nil
		})
		time.Sleep(graceTime / 2)
		if got := l.at(exchange{sent: time.Now(), result: dropped}); got != turnedAway {
			t.Errorf("while an old server may still end: %d", got)
		}
		time.Sleep(graceTime)
		if got := l.at(exchange{sent: time.Now(), result: dropped}); got != dropped {
			t.Errorf("after that: %d", got)
		}
	})
}

func TestOnlyWhenAllBackendsAreFullMayRequestsBeRejected(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &load{capacity: 2}
		begin := func() (e exchange) {
			time.Sleep(time.Millisecond)
			l.begin(&e)
			e.result = rejected
			return e
		}
		end := func(e exchange) result {
			l.record(e)
			return l.exchanges[len(l.exchanges)-1].result
		}
		if got := end(begin()); got != rejected {
			t.Errorf("alone: %d", got)
		}
		first, second := begin(), begin()
		if got := end(second); got != turnedAway {
			t.Errorf("with as many as there may be: %d", got)
		}
		if got := end(first); got != turnedAway {
			t.Errorf("with another one meanwhile: %d", got)
		}
		if got := end(begin()); got != rejected {
			t.Errorf("alone again: %d", got)
		}
	})
}

func TestAnswersAreCountedByBackendSinceATime(t *testing.T) {
	since := time.Now()
	l := new(load)
	for _, e := range []exchange{
		{due: since.Add(-1), backend: "b0"},
		{due: since.Add(1), backend: "b0"},
		{due: since.Add(2), backend: "b1"},
		{due: since.Add(3), backend: "b1", result: broken},
	} {
		l.at(e)
	}
	if all, by := l.answersSince(since); all != 2 || by["b0"] != 1 || by["b1"] != 1 {
		t.Errorf("%d answers: %v", all, by)
	}
}
