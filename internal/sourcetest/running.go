// Package sourcetest runs a source in a test as a pool would, and compares its answers.
//
//	running := sourcetest.Start(t, &Source{URL: server.URL})
//	running.WantList("10.0.0.1:80")
//	server.Close()
//	running.WantError("connection refused")
//
// A Running keeps all that the source reported, in order. Each call of Next or of a method that
// begins with Want reads on from where the last one ended, so no report is looked at twice.
package sourcetest

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
)

const (
	// Patience limits the wait for a report that does not come. It is far more than anything takes.
	Patience = time.Minute

	// restartPause is short, so that tests of outages are fast.
	restartPause = 20 * time.Millisecond
)

// Source is a source module.
type Source interface {
	caddy.Provisioner
	discovery.Source
}

// Running is a source at work.
type Running struct {
	t       *testing.T
	stop    func()
	stopped error // what Run returned after the end of its context

	mu      sync.Mutex
	reports []discovery.Answer // and what Run returned, as answers with nothing but an error
	read    int                // how many of them the test has read
	ended   bool               // Run returned nil, so there is nothing left to follow
	more    chan struct{}      // closed by the next report
}

// Start provisions a source and runs it until the test ends.
func Start(t *testing.T, s Source) *Running {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	if err := s.Provision(ctx); err != nil {
		t.Fatal(err)
	}
	return Follow(t, s.Run)
}

// Follow calls run, which is the Run of a source that is provisioned, until the test ends. As in a
// pool, an error is kept and run is called again after a pause.
func Follow(t *testing.T, run func(context.Context, discovery.Report) error) *Running {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	r := &Running{t: t, more: make(chan struct{})}
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.repeat(ctx, run)
	}()
	r.stop = func() { cancel(); <-done }
	t.Cleanup(r.stop)
	return r
}

func (r *Running) repeat(ctx context.Context, run func(context.Context, discovery.Report) error) {
	for {
		err := run(ctx, func(a discovery.Answer) { r.add(a, false) })
		switch {
		case ctx.Err() != nil:
			if r.stopped = err; err != nil && !strings.Contains(err.Error(), ctx.Err().Error()) && !r.hasFailed() {
				r.t.Errorf("stopped with %v; want no error", err)
			}
			return
		case err == nil:
			r.add(discovery.Answer{}, true)
			return
		}
		r.add(discovery.Answer{Err: err}, false)
		discovery.Sleep(ctx, restartPause)
	}
}

// hasFailed reports whether there was an error without a list before. A source that fails may do so
// again just before it is stopped, also with other words, which says nothing of how it is stopped.
func (r *Running) hasFailed() bool {
	return slices.ContainsFunc(r.Reports(), func(a discovery.Answer) bool { return a.Err != nil && a.Endpoints == nil })
}

func (r *Running) add(a discovery.Answer, ended bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ended = ended; !ended {
		r.reports = append(r.reports, a)
	}
	close(r.more)
	r.more = make(chan struct{})
}

// Stop ends the run, waits until Run has returned, and returns what Run returned then.
func (r *Running) Stop() error {
	r.stop()
	return r.stopped
}

// Reports are all reports so far, whether the test has read them or not.
func (r *Running) Reports() []discovery.Answer {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]discovery.Answer(nil), r.reports...)
}

// Lists counts the reports so far that have a list.
func (r *Running) Lists() (n int) {
	for _, a := range r.Reports() {
		if a.Endpoints != nil {
			n++
		}
	}
	return n
}

// Newest is the newest report so far that has a list.
func (r *Running) Newest() (newest discovery.Answer) {
	for _, a := range r.Reports() {
		if a.Endpoints != nil {
			newest = a
		}
	}
	return newest
}

// Next waits for the next report.
func (r *Running) Next() discovery.Answer {
	r.t.Helper()
	return r.Want("another report", func(discovery.Answer) bool { return true })
}

// tryNext returns the next report if there is one, and else what tells of more.
func (r *Running) tryNext() (a discovery.Answer, ok, ended bool, more <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.read < len(r.reports) {
		r.read++
		return r.reports[r.read-1], true, false, nil
	}
	return a, false, r.ended, r.more
}
