package pool

import (
	"testing"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// handlerOf returns a pool as a reverse proxy has it, which shares the roster of the fixture.
func handlerOf(f *fixture) (p *Pool, wantReport func(draining, full, failing int64), wantNoReport func()) {
	f.Helper()
	core, log := observer.New(zap.InfoLevel)
	p = &Pool{Definition: Definition{Name: "web", claim: f.claim, logger: zap.New(core)}}
	p.watched = endpoint.ProbeFailed
	p.unusable.watch(f.roster)
	f.Cleanup(p.unusable.stop)
	wantReport = func(draining, full, failing int64) {
		f.Helper()
		lines := log.TakeAll()
		if len(lines) != 1 || lines[0].Message != "no endpoint can take a request" {
			f.Fatalf("logged %v, want one line", lines)
		}
		got := lines[0].ContextMap()
		if got["draining"] != draining || got["full"] != full || got["failing"] != failing {
			f.Errorf("logged %v, want %d draining, %d full, %d failing", got, draining, full, failing)
		}
	}
	wantNoReport = func() {
		f.Helper()
		if lines := log.TakeAll(); len(lines) != 0 {
			f.Errorf("logged %v, want nothing", lines)
		}
	}
	return p, wantReport, wantNoReport
}

func TestAFullPoolIsReportedOnceUntilARequestFindsAnEndpoint(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.answers(discovery.Answer{Endpoints: []discovery.Endpoint{
			{Address: "a:1", Weight: 1, MaxRequests: 1}, {Address: "b:1", Weight: 1, Draining: true},
		}})
		p, wantReport, wantNoReport := handlerOf(f)
		a := f.roster.Snapshot().Find("a:1")
		a.Reserve(1)
		defer a.Release()
		p.unusable.report(&p.Definition, p.admit)
		wantReport(1, 1, 0)
		p.unusable.report(&p.Definition, p.admit)
		wantNoReport()
		p.unusable.clear()
		p.unusable.report(&p.Definition, p.admit)
		wantReport(1, 1, 0)
	})
}

func TestTheLossOfTheLastUsableEndpointIsLeftToTheRoster(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists("a:1")
		p, _, wantNoReport := handlerOf(f)
		s.listsAuthoritatively()
		p.unusable.report(&p.Definition, p.admit)
		wantNoReport()
		if n := len(f.log.FilterField(zap.String("pool", f.Name())).FilterLevelExact(zap.ErrorLevel).All()); n != 1 {
			t.Errorf("the roster logged %d lines: %v", n, f.log.All())
		}
	})
}

func TestAPoolWithoutAUsableEndpointFromTheStartIsReported(t *testing.T) {
	t.Run("an empty list", func(t *testing.T) {
		oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
			s.lists()
			p, wantReport, _ := handlerOf(f)
			p.unusable.report(&p.Definition, p.admit)
			wantReport(0, 0, 0)
		})
	})
	t.Run("endpoints that fail their checks", func(t *testing.T) {
		inVirtualTime(t, defaultSettings(), func(f *fixture) {
			source := make(scriptedSource)
			f.failOpen = -1 // never
			f.start(source)
			source.lists(addresses("ab")...)
			for _, address := range addresses("ab") {
				f.roster.Snapshot().Find(address).Set(endpoint.ProbeFailed, true)
			}
			sleepAndSettle(time.Second) // the roster computes shares a moment later
			p, wantReport, _ := handlerOf(f)
			p.unusable.report(&p.Definition, p.admit)
			wantReport(0, 0, 2)
		})
	})
}

// noGroup is a policy with groups, none of which has an endpoint.
type noGroup struct{}

func (noGroup) Groups(*endpoint.Roster) []endpoint.Group { return nil }
func (noGroup) GroupOf(*listing.Info) string             { return "" }

func TestEndpointsInNoGroupAreNotReportedAsFailing(t *testing.T) {
	oneSource(t, defaultSettings(), func(f *fixture, s scriptedSource) {
		s.lists("a:1", "b:1")
		f.roster.Snapshot().Find("b:1").Replace(0, endpoint.ProbeFailed)
		defer f.roster.AddSplitter(noGroup{})()
		core, log := observer.New(zap.WarnLevel)
		p, _, _ := handlerOf(f)
		p.logger = zap.New(core)
		p.unusable.report(&p.Definition, p.admit)
		if got := log.All()[0].ContextMap(); got["ungrouped"] != int64(1) || got["failing"] != int64(1) {
			t.Errorf("logged %v, want 1 failing and 1 in no group", got)
		}
	})
}
