package caddytest

import (
	"testing"
	"time"
)

// pollInterval is short, so that waiting costs a test little more than the event itself takes.
const pollInterval = 2 * time.Millisecond

// Eventually waits until the condition holds. It fails the test when it still does not after the
// given time, and then names what it has waited for.
func Eventually(t testing.TB, patience time.Duration, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(pollInterval) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", patience, what)
		}
	}
}
