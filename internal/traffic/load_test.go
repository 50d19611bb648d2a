package traffic

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
)

// loadClients is the number of clients of a constant load.
const loadClients = 8

// constantLoad is a number of clients, each of which sends one request after the other. Tests
// measure progress by its requests and not by the clock, so they mean the same on a busy machine.
type constantLoad struct {
	done, failed atomic.Int64 // requests
	stop         func()
}

// startLoad sends requests until the test ends or stop is called.
func startLoad(t *testing.T, p *proxy) *constantLoad {
	l, end := new(constantLoad), make(chan struct{})
	var all sync.WaitGroup
	for range loadClients {
		c := p.client()
		all.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-end:
					return
				default:
				}
				if err := getOne(c, i); err != nil {
					l.failed.Add(1)
				}
				l.done.Add(1)
			}
		})
	}
	l.stop = sync.OnceFunc(func() { close(end); all.Wait() })
	t.Cleanup(l.stop)
	return l
}

// stopAndCount stops the load and returns the number of failed requests.
func (l *constantLoad) stopAndCount(t *testing.T) int64 {
	t.Helper()
	l.stop()
	t.Logf("%d of %d requests failed", l.failed.Load(), l.done.Load())
	return l.failed.Load()
}

// awaitDone waits until n more requests are done.
func (l *constantLoad) awaitDone(t *testing.T, n int64) {
	t.Helper()
	end := l.done.Load() + n
	eventually(t, fmt.Sprintf("%d more requests are done", n), func() bool { return l.done.Load() >= end })
}

// awaitIdle waits until 200 requests in a row have gone to other backends. The backend may still
// get health checks.
func (l *constantLoad) awaitIdle(t *testing.T, b *backend) {
	t.Helper()
	eventually(t, b.name+" gets no more requests", func() bool {
		before := b.requests.Load()
		l.awaitDone(t, 200)
		return b.requests.Load() == before
	})
}

// awaitRequests waits until the backend has got some more requests.
func awaitRequests(t *testing.T, b *backend) {
	t.Helper()
	before := b.requests.Load()
	eventually(t, b.name+" gets requests", func() bool { return b.requests.Load() > before+10 })
}
