package pool

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/egress"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// Tests name endpoints by letters: the endpoint a has the address a:1. Lists are short, their order
// matters, and "abcd" instead of "abc" shows a mistake at a glance. wantMembers takes the letters
// of a pool in order; addresses turns letters into addresses.

// scriptedSource is a source that does what the test tells it to do. Each method returns once the
// pool has taken the answer in.
type scriptedSource chan func(discovery.Report) error

func (s scriptedSource) Run(ctx context.Context, report discovery.Report) error {
	for {
		select {
		case step := <-s:
			if err := step(report); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (s scriptedSource) answers(a discovery.Answer) {
	s <- func(report discovery.Report) error { report(a); return nil }
	synctest.Wait()
}

// lists reports the whole list, in which removals may be a fault of the registry.
func (s scriptedSource) lists(addresses ...string) {
	s.answers(discovery.Answer{Endpoints: endpoints(addresses...)})
}

// listsAuthoritatively reports the whole list, in which removals are intended.
func (s scriptedSource) listsAuthoritatively(addresses ...string) {
	s.answers(discovery.Answer{Endpoints: endpoints(addresses...), Authoritative: true})
}

// reportsError reports an error and goes on.
func (s scriptedSource) reportsError(err error) { s.answers(discovery.Answer{Err: err}) }

// fails ends Run with an error.
func (s scriptedSource) fails(err error) {
	s <- func(discovery.Report) error { return err }
	synctest.Wait()
}

func endpoints(addresses ...string) []discovery.Endpoint {
	list := []discovery.Endpoint{}
	for _, a := range addresses {
		list = append(list, discovery.Endpoint{Address: a, Weight: 1})
	}
	return list
}

// addresses returns the addresses of endpoints that are named by letters: "ab" gives a:1 and b:1.
func addresses(letters string) []string {
	var all []string
	for _, letter := range letters {
		all = append(all, string(letter)+":1")
	}
	return all
}

// fixture is a pool in virtual time.
type fixture struct {
	*testing.T
	settings followSettings
	failOpen float64
	egress   *egress.Rules
	text     string // of the definition
	storage  *sourcetest.Storage
	claim    *endpoint.Claim
	roster   *endpoint.Roster
	log      *observer.ObservedLogs
}

// defaultSettings are the defaults of a pool, except that each change is published at once.
func defaultSettings() followSettings {
	settings := new(FollowOptions).settings(defaultInitialWait)
	settings.updateInterval = 0
	settings.records = &records{instance: func() (string, error) { return "one", nil }}
	return settings
}

// inVirtualTime runs a test whose sleeps take no time. Goroutines that are left at its end fail it.
func inVirtualTime(t *testing.T, settings followSettings, test func(f *fixture)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{T: t, settings: settings, storage: sourcetest.NewStorage()}
		test(f)
		if f.claim != nil {
			f.stop()
		}
	})
}

// twoSources runs a test on a pool of two sources.
func twoSources(t *testing.T, settings followSettings, test func(f *fixture, first, second scriptedSource)) {
	inVirtualTime(t, settings, func(f *fixture) {
		first, second := make(scriptedSource), make(scriptedSource)
		f.start(first, second)
		test(f, first, second)
	})
}

// oneSource runs a test on a pool of one source.
func oneSource(t *testing.T, settings followSettings, test func(f *fixture, s scriptedSource)) {
	inVirtualTime(t, settings, func(f *fixture) {
		s := make(scriptedSource)
		f.start(s)
		test(f, s)
	})
}

// sleepAndSettle lets time pass, and then waits until all goroutines of the pool wait.
func sleepAndSettle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// start loads a config with these sources. A source has the same key in each config in which it has
// the same position.
func (f *fixture) start(sources ...discovery.Source) {
	var refs []sourceRef
	for i, s := range sources {
		refs = append(refs, sourceRef{source: s, name: "scripted", position: i + 1, key: string(rune('a' + i))})
	}
	f.load(refs...)
}

// load does what a reload does: it acquires the new definition before it releases the old one.
func (f *fixture) load(refs ...sourceRef) {
	f.Helper()
	core, log := observer.New(zap.InfoLevel)
	config := new(int)
	f.text = fmt.Sprintf("%p", config) // no two definitions are equal
	claim, err := endpoint.Acquire(endpoint.Definition{
		Config: config, Name: f.Name(), Text: f.text,
		Rules: endpoint.Rules{Watched: endpoint.ProbeFailed, FailOpen: f.failOpen},
		Owner: endpoint.Owner{Logger: zap.New(core), Storage: f.storage, Egress: f.egress},
		Run:   func(ctx context.Context, r *endpoint.Roster) { followSources(ctx, f.Name(), refs, f.settings, r) },
	})
	if err != nil {
		f.Fatal(err)
	}
	old := f.claim
	f.claim, f.roster, f.log = claim, claim.Roster, log
	synctest.Wait()
	if old != nil {
		old.Release()
	}
}

func (f *fixture) stop() {
	f.claim.Release()
	f.claim = nil
}

// wantMembers checks the endpoints of the pool, by letters in order.
func (f *fixture) wantMembers(want string) {
	f.Helper()
	if got := f.members(); got != want {
		f.Errorf("the pool has %q, want %q", got, want)
	}
}

func (f *fixture) members() string {
	var got []string
	for _, m := range f.roster.Snapshot().Members {
		got = append(got, strings.TrimSuffix(m.Address(), ":1"))
	}
	return strings.Join(got, "")
}

// hasList reports whether requests no longer wait for the first list.
func (f *fixture) hasList() bool {
	select {
	case <-f.roster.Answered():
		return true
	default:
		return false
	}
}

// wantLogged checks how many log lines contain a text, and returns them.
func (f *fixture) wantLogged(message string, want int) []observer.LoggedEntry {
	f.Helper()
	lines := f.log.FilterMessageSnippet(message).All()
	if len(lines) != want {
		f.Fatalf("%d lines contain %q, want %d; the log has %v", len(lines), message, want, f.log.All())
	}
	return lines
}

// wantState checks the state of a source, counted from 1, and returns its status.
func (f *fixture) wantState(source int, want endpoint.SourceState) endpoint.SourceStatus {
	f.Helper()
	s := f.roster.Sources()[source-1]
	if s.State != want {
		f.Errorf("source %d is %s, want %s", source, s.State, want)
	}
	return s
}
