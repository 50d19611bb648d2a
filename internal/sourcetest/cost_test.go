package sourcetest

import (
	"runtime"
	"testing"
)

func TestGarbageOfOneTimeIsNoCost(t *testing.T) {
	times := 0
	WantCheap(t, func() {
		if times++; times == 1 {
			runtime.KeepAlive(make([]byte, MaxCost+1))
		}
	})
	if times != 2 {
		t.Errorf("called %d times, want twice", times)
	}
}
