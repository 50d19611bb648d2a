package pool

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"

	"go.uber.org/zap"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// scripted is a source that the test makes report, and end with an error.
type scripted chan func(discovery.Report) error

func (s scripted) Run(ctx context.Context, report discovery.Report) error {
	for {
		select {
		case say := <-s:
			if err := say(report); err != nil {
				return err
			}
		case <-ctx.Done():
			return nil
		}
	}
}

func (s scripted) says(a discovery.Answer) {
	s <- func(report discovery.Report) error { report(a); return nil }
	synctest.Wait()
}

// lists says which endpoints are left; finally says it of those that are meant to be.
func (s scripted) lists(addresses ...string) {
	s.says(discovery.Answer{Endpoints: infos(addresses...)})
}
func (s scripted) finally(addresses ...string) {
	s.says(discovery.Answer{Endpoints: infos(addresses...), Authoritative: true})
}

// stumbles is an error that the source gets over by itself; breaks ends its run.
func (s scripted) stumbles(err error) { s.says(discovery.Answer{Err: err}) }
func (s scripted) breaks(err error) {
	s <- func(discovery.Report) error { return err }
	synctest.Wait()
}

func infos(addresses ...string) []listing.Info {
	list := []listing.Info{}
	for _, a := range addresses {
		list = append(list, listing.Info{Address: a, Weight: 1})
	}
	return list
}

// letters are endpoints that are named by letters.
func letters(s string) []string {
	var all []string
	for _, r := range s {
		all = append(all, string(r)+":1")
	}
	return all
}

// fixture is a pool in a bubble of time.
type fixture struct {
	*testing.T
	rules   followSettings
	storage *sourcetest.Storage
	claim   *endpoint.Claim
	roster  *endpoint.Roster
	log     *observer.ObservedLogs
}

// defaults are those of a pool, except that each change is published.
func defaults() followSettings {
	rules := new(FollowOptions).settings(defaultInitialWait)
	rules.updateInterval = 0
	return rules
}

// inBubble runs a test on a pool. Goroutines that are left at its end fail it.
func inBubble(t *testing.T, rules followSettings, test func(f *fixture)) {
	synctest.Test(t, func(t *testing.T) {
		f := &fixture{T: t, rules: rules, storage: sourcetest.NewStorage()}
		test(f)
		if f.claim != nil {
			f.stop()
		}
	})
}

// two is a pool of two sources.
func two(t *testing.T, rules followSettings, test func(f *fixture, first, second scripted)) {
	inBubble(t, rules, func(f *fixture) {
		first, second := make(scripted), make(scripted)
		f.start(first, second)
		test(f, first, second)
	})
}

// one is a pool of one source.
func one(t *testing.T, rules followSettings, test func(f *fixture, s scripted)) {
	inBubble(t, rules, func(f *fixture) {
		s := make(scripted)
		f.start(s)
		test(f, s)
	})
}

// start loads a config with these sources, which are the same as before if they stand in the same position.
func (f *fixture) start(sources ...discovery.Source) {
	var list []sourceRef
	for i, s := range sources {
		list = append(list, sourceRef{source: s, name: "scripted", position: i + 1, key: string(rune('a' + i))})
	}
	f.load(list...)
}

func (f *fixture) load(parts ...sourceRef) {
	f.Helper()
	core, log := observer.New(zap.InfoLevel)
	config := new(int)
	claim, err := endpoint.Acquire(endpoint.Definition{
		Config: config, Name: f.Name(), Text: fmt.Sprintf("%p", config), // no two alike
		Rules: endpoint.Rules{Watched: endpoint.ProbeFailed},
		Owner: endpoint.Owner{Logger: zap.New(core), Storage: f.storage},
		Run:   func(ctx context.Context, r *endpoint.Roster) { run(ctx, f.Name(), parts, f.rules, r) },
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

func (f *fixture) has(want string) {
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

func (f *fixture) answered() bool {
	select {
	case <-f.roster.Answered():
		return true
	default:
		return false
	}
}

func (f *fixture) logged(message string, want int) []observer.LoggedEntry {
	f.Helper()
	lines := f.log.FilterMessageSnippet(message).All()
	if len(lines) != want {
		f.Fatalf("%d lines say %q, want %d; the log has %v", len(lines), message, want, f.log.All())
	}
	return lines
}

// is wants a source, counted from 1, to be in a state.
func (f *fixture) is(source int, want endpoint.SourceState) endpoint.SourceStatus {
	f.Helper()
	s := f.roster.Sources()[source-1]
	if s.State != want {
		f.Errorf("source %d is %s, want %s", source, s.State, want)
	}
	return s
}
