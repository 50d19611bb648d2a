package limit

import (
	"testing"
	"time"
)

func TestTheBoundOfThePauseDoublesUpToAMaximum(t *testing.T) {
	b := Backoff{Base: 25 * time.Millisecond, Max: 180 * time.Millisecond}
	for n, want := range []time.Duration{25, 50, 100, 180, 180} {
		if got := b.Pause(n, .999999); got.Round(time.Millisecond) != want*time.Millisecond {
			t.Errorf("round %d: at most %s, want %d ms", n, got, want)
		}
		if b.Pause(n, 0) != 0 || 2*b.Pause(n, .5) != b.Pause(n, 1) {
			t.Errorf("round %d does not take a random part", n)
		}
	}
	if b.Pause(1<<40, .5) != 90*time.Millisecond {
		t.Error("many rounds overflow")
	}
}
