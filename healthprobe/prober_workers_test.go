package healthprobe

import (
	"context"
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// goroutine tells one goroutine from another.
func goroutine() string {
	text := make([]byte, 32) // "goroutine 7 [running]..."
	return string(text[:runtime.Stack(text, false)])
}

func TestACrewUsesItsGoroutinesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		var mu sync.Mutex
		by := map[string]int{}
		c := newWorkers(func(*target) {
			time.Sleep(10 * time.Millisecond)
			mu.Lock()
			defer mu.Unlock()
			by[goroutine()]++
		})
		used := func() int {
			mu.Lock()
			defer mu.Unlock()
			return len(by)
		}
		for range 100 {
			c.begin(ctx, new(target))
			c.begin(ctx, new(target))
			time.Sleep(20 * time.Millisecond)
		}
		if n := used(); n != 2 {
			t.Errorf("%d goroutines for two checks at a time", n)
		}
		for range 2 {
			synctest.Wait()
			c.shrink()
		}
		c.workers.Wait()
		c.begin(ctx, new(target))
		time.Sleep(20 * time.Millisecond)
		cancel()
		c.workers.Wait()
		if n := used(); n != 3 {
			t.Errorf("%d goroutines, though those that are not needed had ended", n)
		}
	})
}
