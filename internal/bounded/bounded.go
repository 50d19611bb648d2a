// Package bounded bounds the time that third parties can keep a config from ending: sources,
// probes, event handlers and storages, which may ignore the end of their context. What does not
// return in time is abandoned: it goes on in its own goroutine, and its result is ignored.
package bounded

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// Grace is the time after the end of a context that a function may take to return. A reload waits
// for it.
const Grace = 3 * time.Second

// Run calls f and returns when f does, but at most Grace after ctx has ended. It reports whether f
// has returned.
func Run(ctx context.Context, f func()) (returned bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return true
	case <-ctx.Done():
	}
	grace := time.NewTimer(Grace)
	defer grace.Stop()
	select {
	case <-done:
		return true
	case <-grace.C:
		return false
	}
}

// Caller makes calls, one at a time, each of which has a time limit. As long as a call that
// exceeded its limit has not returned, Caller makes no other, so that at most one goroutine hangs.
// The zero value is ready to use.
type Caller struct {
	mu      sync.Mutex
	running bool
}

// ErrHangs is the error of a call that does not return, and of the calls that are not made because
// of it.
var ErrHangs = errors.New("no answer")

// lateness is the time that a call may take to return after its limit. It is likely to return an
// error that says more.
const lateness = time.Second

// Call calls f with a context that ends with ctx, or after limit. It returns what f returns, or
// ErrHangs. A panic of f is its error.
func (c *Caller) Call(ctx context.Context, limit time.Duration, f func(context.Context) error) error {
	if !c.begin() {
		return ErrHangs
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	result := make(chan error, 1)
	go func() {
		defer cancel()
		err := recovered.Call("the storage", func() error { return f(ctx) })
		c.end()
		result <- err
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
	}
	late := time.NewTimer(lateness)
	defer late.Stop()
	select {
	case err := <-result:
		return err
	case <-late.C:
		return ErrHangs
	}
}

func (c *Caller) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	begun := !c.running
	c.running = true
	return begun
}

func (c *Caller) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = false
}
