package healthprobe

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/bounded"
	"github.com/caddy-balance/caddy-balance/internal/endpointtest"
)

// deafProbe ignores the end of its context at the endpoint a, where it keeps something.
type deafProbe struct {
	goOn   chan struct{}
	closed atomic.Int32
}

func (p *deafProbe) Check(_ context.Context, t *Target) error {
	t.Kept = p
	if strings.HasPrefix(t.Address, "a") {
		<-p.goOn
	}
	return nil
}

func (p *deafProbe) Close() error {
	p.closed.Add(1)
	return nil
}

func TestAProbeThatDoesNotStopIsAbandoned(t *testing.T) {
	probe := new(deafProbe)
	endpointtest.Run(t, func(p *endpointtest.Pool) {
		probe.goOn = make(chan struct{}) // of the bubble
		p.SetEndpoints("a", "b")
		p.Sleep(time.Minute)
		start, deaf := time.Now(), p.Claim
		p.Reload(newHealth(newScriptedProbe()))
		if took := time.Since(start); took > bounded.Grace {
			t.Errorf("the reload took %s", took)
		}
		lines := p.Log.FilterMessage("probe does not stop and is abandoned").All()
		if len(lines) != 1 {
			t.Fatalf("%d lines are logged, want one", len(lines))
		}
		if line := lines[0].ContextMap(); line["address"] != "a:1" || line["checks"] != int64(1) ||
			line["probe"] != "scripted" || line["pool"] != deaf.Roster.Name() {
			t.Errorf("the line has %v", line)
		}
		if n := probe.closed.Load(); n != 1 {
			t.Errorf("%d kept things are closed, want that of b", n)
		}
		close(probe.goOn)
		p.Sleep(time.Minute)
		if n := probe.closed.Load(); n != 2 {
			t.Errorf("%d kept things are closed, want that of a too", n)
		}
	}, newHealth(probe))
}

func TestEachOfSeveralProbesThatDoNotStopIsNamed(t *testing.T) {
	first, second := new(deafProbe), new(deafProbe)
	endpointtest.Run(t, func(p *endpointtest.Pool) {
		first.goOn, second.goOn = make(chan struct{}), make(chan struct{}) // of the bubble
		p.SetEndpoints("a", "b")
		p.Sleep(time.Minute)
		start := time.Now()
		p.Reload(newHealth(newScriptedProbe()))
		if took := time.Since(start); took > bounded.Grace {
			t.Errorf("the reload took %s", took)
		}
		named := ""
		for _, line := range p.Log.FilterMessage("probe does not stop and is abandoned").All() {
			fields := line.ContextMap()
			named += fmt.Sprint(fields["probe"], " ", fields["checks"], " ", fields["address"], "; ")
		}
		if want := "live 1 a:1; role 1 a:1; "; named != want {
			t.Errorf("got %q, want %q", named, want)
		}
		close(first.goOn)
		p.Sleep(time.Minute)
		if one, two := first.closed.Load(), second.closed.Load(); one != 2 || two != 1 {
			t.Errorf("%d and %d kept things are closed, want both of the first probe and that of b", one, two)
		}
		close(second.goOn)
		p.Sleep(time.Minute)
		if n := second.closed.Load(); n != 2 {
			t.Errorf("%d kept things of the second probe are closed, want both", n)
		}
	}, newTwoProbes(first, second).with("quick", newScriptedProbe(), CheckOptions{}))
}
