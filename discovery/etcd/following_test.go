package etcd

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// following is a source that runs, and runs again when it fails, as below a pool.
type following struct {
	t       *testing.T
	changed chan struct{}

	mu     sync.Mutex
	last   []listing.Info
	lost   []discovery.Dropped
	lists  int
	errors []string
}

// follow starts a source with a short interval and timeout.
func follow(t *testing.T, s *Source) *following {
	t.Helper()
	f := &following{t: t, changed: make(chan struct{}, 1)}
	t.Cleanup(f.start(s))
	return f
}

func (f *following) start(s *Source) (stop func()) {
	t := f.t
	t.Helper()
	if s.Prefix == "" {
		s.Prefix = "web"
	}
	if s.Timeout == 0 {
		s.Timeout = caddy.Duration(2 * time.Second)
	}
	if err := s.Provision(caddy.Context{Context: context.Background()}); err != nil {
		t.Fatal(err)
	}
	s.interval = 100 * time.Millisecond
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.run(ctx, s)
	}()
	return func() {
		cancel()
		<-ended
	}
}

func (f *following) run(ctx context.Context, s *Source) {
	for ctx.Err() == nil {
		err := s.Run(ctx, f.report)
		f.mu.Lock()
		if err != nil {
			f.errors = append(f.errors, err.Error())
		} else if ctx.Err() == nil {
			f.errors = append(f.errors, "ended without an error")
		}
		f.mu.Unlock()
		f.hint()
		time.Sleep(50 * time.Millisecond)
	}
}

func (f *following) report(a discovery.Answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if a.Authoritative {
		f.t.Error("an answer was final")
	}
	f.last, f.lost = a.Endpoints, a.Dropped
	f.lists++
	f.hint()
}

func (f *following) hint() {
	select {
	case f.changed <- struct{}{}:
	default:
	}
}

// until waits for something to be true of what came so far.
func (f *following) until(what string, is func() bool) {
	f.t.Helper()
	limit := time.After(patience)
	for {
		f.mu.Lock()
		yes := is()
		f.mu.Unlock()
		if yes {
			return
		}
		select {
		case <-f.changed:
		case <-limit:
			f.mu.Lock()
			defer f.mu.Unlock()
			f.t.Fatalf("not seen: %s; the last of %d lists is %+v, the errors are %q", what, f.lists, f.last[:min(5, len(f.last))], f.errors)
		}
	}
}

// wants waits for the addresses, in the order of their keys.
func (f *following) wants(addresses ...string) {
	f.t.Helper()
	f.until(strings.Join(addresses, " "), func() bool {
		return f.last != nil && slices.EqualFunc(f.last, addresses, func(i listing.Info, a string) bool { return i.Address == a })
	})
}

// wantsError waits for an error that has the text.
func (f *following) wantsError(text string) {
	f.t.Helper()
	f.until("the error "+text, func() bool {
		return slices.ContainsFunc(f.errors, func(err string) bool { return strings.Contains(err, text) })
	})
}

// wantsNoError is about all that came so far.
func (f *following) wantsNoError() {
	f.t.Helper()
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.errors) > 0 {
		f.t.Errorf("got %q; want no error", f.errors)
	}
}
