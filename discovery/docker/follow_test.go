package docker

import (
	"context"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// patience ends the wait for something that will not come; nothing takes nearly as long.
const patience = 15 * time.Second

// following is a source that runs, and runs again when it fails, as below a pool.
type following struct {
	t       *testing.T
	changed chan struct{}

	mu     sync.Mutex
	last   discovery.Answer
	errors []string
}

// follow starts a source, and proves in the end that nothing of it is left.
func follow(t *testing.T, s *Source) *following {
	t.Helper()
	if s.Label == "" {
		s.Label = "balance.pool=web"
	}
	if s.Timeout == 0 {
		s.Timeout = caddy.Duration(time.Second)
	}
	if err := s.Provision(caddy.Context{Context: context.Background()}); err != nil {
		t.Fatal(err)
	}
	f := &following{t: t, changed: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		f.run(ctx, s)
	}()
	t.Cleanup(func() { cancel(); <-ended })
	return f
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
	f.last = a
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
			f.t.Fatalf("not seen: %s; the last is %+v, the errors are %q", what, f.last, f.errors)
		}
	}
}

// newest is the last answer so far.
func (f *following) newest() discovery.Answer {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.last
}

// wants waits for the addresses, in the order of the names.
func (f *following) wants(addresses ...string) {
	f.t.Helper()
	f.until(strings.Join(addresses, " "), func() bool {
		return f.last.Endpoints != nil && slices.EqualFunc(f.last.Endpoints, addresses, func(i listing.Info, a string) bool { return i.Address == a })
	})
}

func (f *following) wantsError(text string) {
	f.t.Helper()
	f.until("the error "+text, func() bool {
		return slices.ContainsFunc(f.errors, func(err string) bool { return strings.Contains(err, text) })
	})
}

func TestContainersThatComeRestartAndGoAreFollowed(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "")
	f := follow(t, &Source{Host: e.host})
	f.wants("10.0.0.1:80")
	e.run("web-2", "10.0.0.2", "")
	f.wants("10.0.0.1:80", "10.0.0.2:80")
	e.stop("web-1")
	f.wants("10.0.0.2:80")
	e.run("web-1", "10.0.0.3", "")
	f.wants("10.0.0.3:80", "10.0.0.2:80")
	f.until("its old id, with nothing dropped", func() bool { return f.last.Endpoints[0].ID == "web-1" && len(f.last.Dropped) == 0 })
	e.mu.Lock()
	defer e.mu.Unlock()
	if want := `{"label":{"balance.pool=web":true}}`; e.filters != want {
		t.Errorf("asked for %s; want %s", e.filters, want)
	}
}

func TestThatAllAreGoneIsFinalUnlessItIsTheirHealth(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "healthy")
	f := follow(t, &Source{Host: e.host})
	f.wants("10.0.0.1:80")
	e.run("web-1", "10.0.0.1", "unhealthy")
	f.wants()
	f.until("not final", func() bool { return !f.last.Authoritative })
	e.run("web-1", "10.0.0.1", "starting")
	f.until("final", func() bool { return f.last.Authoritative && len(f.last.Endpoints) == 0 })
	e.run("web-1", "10.0.0.1", "healthy")
	f.wants("10.0.0.1:80")
	e.stop("web-1")
	f.wants()
	f.until("final", func() bool { return f.last.Authoritative })
}

func TestAContainerThatGoesWhileTheListIsReadIsNoError(t *testing.T) {
	e := startEngine(t)
	e.vanished = "gone"
	e.run("web-1", "10.0.0.1", "")
	f := follow(t, &Source{Host: e.host})
	f.wants("10.0.0.1:80")
	f.until("no error", func() bool { return len(f.errors) == 0 })
}

func TestAContainerThatCannotBeTakenCostsNoOther(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "", "")
	e.run("web-2", "10.0.0.2", "")
	e.run("web-3", "10.0.0.2", "")
	f := follow(t, &Source{Host: e.host})
	f.wants("10.0.0.2:80")
	f.until("both are dropped", func() bool {
		return len(f.last.Dropped) == 2 && f.last.Dropped[0].Key == "web-1" && f.last.Dropped[1].Key == "web-3"
	})
}

func TestAnEngineThatFailsKeepsTheListAndIsAskedAgain(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "")
	f := follow(t, &Source{Host: e.host})
	f.wants("10.0.0.1:80")
	e.change("start", func() { e.broken = true })
	f.wantsError("listing containers: Error response from daemon: out of order")
	f.wants("10.0.0.1:80")
	e.change("", func() {
		e.broken = false
		for s := range e.streams {
			close(s)
		}
		clear(e.streams)
		e.containers["web-2"] = strings.NewReplacer("web-1", "web-2", "10.0.0.1", "10.0.0.2").Replace(e.containers["web-1"])
	})
	f.wants("10.0.0.1:80", "10.0.0.2:80")
}

func TestAnEngineThatDoesNotAnswerIsAnError(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "")
	e.silent = make(chan struct{})
	f := follow(t, &Source{Host: e.host})
	f.wantsError("following events: no answer within 1s")
	e.change("", func() { close(e.silent); e.silent = nil })
	f.wants("10.0.0.1:80")
	e.change("start", func() { e.silent = make(chan struct{}) })
	f.wantsError("listing containers: no answer within 1s")
}

func TestEventsOfCommandsInsideOfContainersAreIgnored(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "")
	f := follow(t, &Source{Host: e.host})
	f.wants("10.0.0.1:80")
	for range 20 {
		e.change("exec_create: /bin/check", func() {})
	}
	e.run("web-2", "10.0.0.2", "")
	f.wants("10.0.0.1:80", "10.0.0.2:80")
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.lists != 2 {
		t.Errorf("listed %d times; want 2", e.lists)
	}
}

func TestNothingIsLeftOfASourceThatEnded(t *testing.T) {
	e := startEngine(t)
	e.run("web-1", "10.0.0.1", "")
	for name, s := range map[string]*Source{
		"while it follows":  {Host: e.host},
		"without an engine": {Host: "unix:///nowhere/docker.sock"},
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			t.Cleanup(func() {
				goleak.VerifyNone(t, before, goleak.IgnoreAnyFunction("net/http.(*conn).serve")) // the engine's
			})
			f := follow(t, s)
			if strings.Contains(s.Host, "nowhere") {
				f.wantsError("failed to connect to the docker API at unix:///nowhere")
			} else {
				f.wants("10.0.0.1:80")
			}
		})
	}
}
