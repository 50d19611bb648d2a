package leaktest

import (
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestAGoroutineThatEndsLateIsNotLeft(t *testing.T) {
	before := goleak.IgnoreCurrent()
	go time.Sleep(time.Second) // longer than goleak waits
	WantNone(t, before)
}
