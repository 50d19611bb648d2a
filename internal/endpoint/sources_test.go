package endpoint

import (
	"testing"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func TestLoggerAndStorageAreThoseOfTheNewestOwner(t *testing.T) {
	def := Definition{Name: t.Name(), Text: "same", Run: idle}
	acquireFor := func(path string) *Claim {
		def := def
		def.Config = path
		def.Owner = Owner{Storage: &certmagic.FileStorage{Path: path}, Logger: zap.NewExample().Named(path)}
		c, err := Acquire(def)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	wantOwner := func(c *Claim, want string) {
		t.Helper()
		if path := c.Roster.Storage().(*certmagic.FileStorage).Path; path != want || c.Roster.Logger().Name() != want {
			t.Errorf("storage %s, logger %s; want %s", path, c.Roster.Logger().Name(), want)
		}
	}
	old := acquireFor("old")
	wantOwner(old, "old")
	failed := acquireFor("failed")
	wantOwner(old, "failed")
	failed.Release()
	wantOwner(old, "old")
	newer := acquireFor("newer")
	old.Release()
	wantOwner(newer, "newer")
	newer.Release()
}

func TestAChangedDefinitionInheritsTheListsOfItsSources(t *testing.T) {
	old := acquire(t, 1, t.Name(), "old")
	defer old.Release()
	old.Roster.SetSourceLists(map[string][]listing.Info{"a": infos("a:1")})
	changed := acquire(t, 2, t.Name(), "changed")
	defer changed.Release()
	old.Roster.SetSourceLists(map[string][]listing.Info{})
	if got := changed.Roster.SourceLists()["a"]; len(got) != 1 || got[0].Address != "a:1" {
		t.Errorf("inherited %v", changed.Roster.SourceLists())
	}
	old.Roster.SetSources([]SourceStatus{{Name: "old"}})
	changed.Roster.SetSources([]SourceStatus{{Name: "changed"}})
	if got := changed.Pool.Sources(); len(got) != 1 || got[0].Name != "changed" {
		t.Errorf("the pool's sources are %v", got)
	}
}

func TestAnEndpointPassesUnlessAProbeOfThePoolFailed(t *testing.T) {
	for watched, passes := range map[Condition]bool{0: true, ProbeFailed: false} {
		c, err := Acquire(Definition{
			Config: 1, Name: t.Name(), Run: idle, Rules: Rules{Watched: watched}, Owner: Owner{Logger: zap.NewNop()},
		})
		if err != nil {
			t.Fatal(err)
		}
		c.Roster.Replace(infos("a:1"))
		if !c.Roster.Passes("a:1") {
			t.Error("an endpoint that was never checked does not pass")
		}
		c.Roster.Snapshot().Find("a:1").Set(ProbeFailed, true)
		if c.Roster.Passes("a:1") != passes {
			t.Errorf("Passes is %t where %b is watched", !passes, watched)
		}
		c.Release()
	}
}
