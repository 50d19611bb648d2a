package lbpolicy

import (
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/load"
)

func TestAnAnswerThatBreaksOffIsOneErrorOfOneAnswer(t *testing.T) {
	c := newComparison(t, 1, SplitGuard{})
	c.answer(0, "/", false, time.Millisecond)
	c.answer(1, "/", false, time.Millisecond)
	key := load.TextKey("/")
	broken := endpoint.Result{Failed: true, Late: true, Route: c.table.Find(&key, 1)}
	for range 2 { // of which one is of an answer in the window before
		c.add(1, &broken)
	}
	got := compared([]*splitTally{c.before, c.current.Load()}, 1, 0)[0].group
	if got.answers != 1 || got.errors != 1 {
		t.Errorf("%d errors of %d answers, want one of one", got.errors, got.answers)
	}
}
