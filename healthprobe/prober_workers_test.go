package healthprobe

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// goroutine identifies the goroutine that calls it.
func goroutine() string {
	text := make([]byte, 32) // "goroutine 7 [running]..."
	return string(text[:runtime.Stack(text, false)])
}

func TestWorkersAreReused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		checks := map[string]int{} // by goroutine
		w := newWorkers(func(*target) {
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			checks[goroutine()]++
		})
		used := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(checks)
		}
		for range 100 {
			w.run(ctx, new(target))
			w.run(ctx, new(target))
			time.Sleep(20 * time.Millisecond)
		}
		if n := used(); n != 2 {
			t.Errorf("%d goroutines for two checks at a time", n)
		}
		for range 2 {
			synctest.Wait()
			w.shrink()
		}
		w.wait()
		w.run(ctx, new(target))
		time.Sleep(20 * time.Millisecond)
		cancel()
		w.wait()
		if n := used(); n != 3 {
			t.Errorf("%d goroutines, want a third one after the idle ones had ended", n)
		}
	})
}
