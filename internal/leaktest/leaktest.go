// Package leaktest finds goroutines that a test has left behind.
package leaktest

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

// patience limits the wait for the end of a goroutine. goleak itself waits for less than half a
// second, in which a busy machine may not run a goroutine that is about to end.
const patience = time.Minute

// WantNone waits until no goroutines are left but those that the options leave out, and fails the
// test if some stay.
func WantNone(t testing.TB, options ...goleak.Option) {
	t.Helper()
	if err := Find(options...); err != nil {
		t.Error(err)
	}
}

// Find waits as WantNone does, and returns an error that lists the goroutines that stay.
func Find(options ...goleak.Option) (err error) {
	for deadline := time.Now().Add(patience); ; {
		if err = goleak.Find(options...); err == nil || time.Now().After(deadline) {
			return err
		}
	}
}
