package pool

import (
	"context"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/bounded"
)

// deafSource ignores the end of its context. It reports a list, and another one once it may go on.
type deafSource struct{ goOn chan struct{} }

func (s deafSource) Run(_ context.Context, report discovery.Report) error {
	report(discovery.Answer{Endpoints: endpoints("a:1")})
	<-s.goOn
	report(discovery.Answer{Endpoints: endpoints("b:1")})
	return errDown
}

func TestASourceThatDoesNotStopIsAbandoned(t *testing.T) {
	inVirtualTime(t, defaultSettings(), func(f *fixture) {
		source, other := deafSource{make(chan struct{})}, make(scriptedSource)
		f.start(other, source)
		sleepAndSettle(time.Minute)
		roster, start := f.roster, time.Now()
		f.stop()
		if took := time.Since(start); took > bounded.Grace {
			t.Errorf("the pool took %s to end", took)
		}
		line := f.wantLogged("source does not stop and is abandoned", 1)[0].ContextMap()
		if line["source"] != "scripted" || line["position"] != int64(2) || line["pool"] != f.Name() {
			t.Errorf("the line has %v", line)
		}
		close(source.goOn)
		sleepAndSettle(time.Minute)
		if m := roster.Snapshot().Members; len(m) != 1 || m[0].Address() != "a:1" {
			t.Error("a late answer changed the list")
		}
		if n := len(f.log.All()); n != 2 { // and "pool changed"
			t.Errorf("%d lines are logged: %v", n, f.log.All())
		}
	})
}

func TestAReloadReplacesASourceThatDoesNotStop(t *testing.T) {
	inVirtualTime(t, defaultSettings(), func(f *fixture) {
		source, fresh := deafSource{make(chan struct{})}, make(scriptedSource)
		f.start(source)
		start := time.Now()
		f.start(fresh)
		if took := time.Since(start); took > bounded.Grace {
			t.Errorf("the reload took %s", took)
		}
		fresh.lists("c:1", "a:1")
		close(source.goOn)
		sleepAndSettle(time.Minute)
		f.wantMembers("ac")
	})
}
