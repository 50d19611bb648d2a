package file

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	caddytext "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/internal/leaktest"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestThePathsOfACaddyfileAreStored(t *testing.T) {
	var s Source
	if err := s.UnmarshalCaddyfile(caddytext.NewTestDispenser("file /etc/a.json /etc/b/*.yaml")); err != nil {
		t.Fatal(err)
	}
	if want := []string{"/etc/a.json", "/etc/b/*.yaml"}; !slices.Equal(s.Paths, want) {
		t.Errorf("got %q; want %q", s.Paths, want)
	}
	if err := s.UnmarshalCaddyfile(caddytext.NewTestDispenser("file")); err == nil {
		t.Error("no path was no error")
	}
}

func TestPathsThatMakeNoSenseAreErrors(t *testing.T) {
	for want, paths := range map[string][]string{
		"paths: is empty":                    nil,
		"paths: path 2 is empty":             {"a.json", ""},
		`paths: "[a.json" is not a glob`:     {"[a.json"},
		`paths: "{env.CADDY_BALANCE_NONE}"`:  {"{env.CADDY_BALANCE_NONE}"},
		`paths: "{http.request.host}.json":`: {"{http.request.host}.json"},
	} {
		s := Source{Paths: paths}
		if err := s.Provision(caddy.Context{}); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: got %v; want %s", paths, err, want)
		}
	}
}

func TestPlaceholdersInPathsAreReplaced(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "web.json"), `["a:1"]`)
	t.Setenv("CADDY_BALANCE_LISTS", folder)
	follow(t, byEvents, "{env.CADDY_BALANCE_LISTS}/web.json").WantList("a:1")
}

func TestSeveralFilesAreOneListAndTheFirstPathWins(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "last", "b.json"), `[{"address": "b:1", "weight": 2}, "c:1", "d:1"]`)
	write(t, filepath.Join(folder, "last", "a.yaml"), "- address: c:1\n  weight: 3\n")
	write(t, filepath.Join(folder, "first.json"), `["a:1", "b:1"]`)
	running := follow(t, byEvents, filepath.Join(folder, "first.json"), filepath.Join(folder, "last", "*"))
	got := running.WantList("a:1", "b:1", "c:1", "d:1").Endpoints
	if got[1].Weight != 1 || got[2].Weight != 3 {
		t.Errorf("the wrong one of two entries won: %+v", got)
	}
}

func TestAFileWrittenInPlaceIsReadAgain(t *testing.T) {
	eachWay(t, func(t *testing.T, newWatch watchFunc) {
		path := filepath.Join(t.TempDir(), "web.json")
		write(t, path, `["a:1"]`)
		running := follow(t, newWatch, path)
		running.WantList("a:1")
		write(t, path, `["b:1"]`)
		running.WantList("b:1")
	})
}

func TestAFileRenamedOverIsReadAgain(t *testing.T) {
	eachWay(t, func(t *testing.T, newWatch watchFunc) {
		path := filepath.Join(t.TempDir(), "web.json")
		write(t, path, `["a:1"]`)
		running := follow(t, newWatch, path)
		running.WantList("a:1")
		for _, address := range []string{"b:1", "c:1", "d:1"} {
			write(t, path+".new", `["`+address+`"]`)
			rename(t, path+".new", path)
			running.WantList(address)
		}
	})
}

func TestAConfigMapIsReadAgainWhenItsLinkSwaps(t *testing.T) {
	eachWay(t, func(t *testing.T, newWatch watchFunc) {
		folder := t.TempDir()
		write(t, filepath.Join(folder, "..1", "web.json"), `["a:1"]`)
		link(t, "..1", filepath.Join(folder, "..data"))
		link(t, filepath.Join("..data", "web.json"), filepath.Join(folder, "web.json"))
		literal := follow(t, newWatch, filepath.Join(folder, "web.json"))
		globbed := follow(t, newWatch, filepath.Join(folder, "*"))
		literal.WantList("a:1")
		globbed.WantList("a:1")
		write(t, filepath.Join(folder, "..2", "web.json"), `["b:1"]`)
		link(t, "..2", filepath.Join(folder, "..data_tmp"))
		rename(t, filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data"))
		remove(t, filepath.Join(folder, "..1"))
		literal.WantList("b:1")
		globbed.WantList("b:1")
	})
}

func TestAFolderThatIsALinkMaySwap(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "1", "web.json"), `["a:1"]`)
	write(t, filepath.Join(folder, "2", "web.json"), `["b:1"]`)
	link(t, "1", filepath.Join(folder, "current"))
	running := follow(t, byInterval, filepath.Join(folder, "current", "web.json"))
	running.WantList("a:1")
	link(t, "2", filepath.Join(folder, "next"))
	rename(t, filepath.Join(folder, "next"), filepath.Join(folder, "current"))
	running.WantList("b:1")
}

func TestAFileMayAppearLater(t *testing.T) {
	eachWay(t, func(t *testing.T, newWatch watchFunc) {
		folder := t.TempDir()
		path := filepath.Join(folder, "not", "yet", "web.json")
		write(t, filepath.Join(folder, "web.json"), `["a:1"]`)
		running := follow(t, newWatch, path, filepath.Join(folder, "web.json"))
		if list, err := next(running); !isMissing(err) || sourcetest.Addresses(list) != "a:1" {
			t.Fatalf("got %v, %v; want a:1 and that the other file is missing", list, err)
		}
		write(t, path, `["b:1"]`)
		running.WantList("b:1", "a:1")
	})
}

func TestAFolderMayVanishAndReturn(t *testing.T) {
	eachWay(t, func(t *testing.T, newWatch watchFunc) {
		folder := filepath.Join(t.TempDir(), "lists")
		path := filepath.Join(folder, "web.json")
		write(t, path, `["a:1", "b:1"]`)
		literal, globbed := follow(t, newWatch, path), follow(t, newWatch, filepath.Join(folder, "*.json"))
		literal.WantList("a:1", "b:1")
		globbed.WantList("a:1", "b:1")
		rename(t, folder, folder+".old")
		literal.WantError("; keeps the 2 endpoints it had")
		globbed.WantError("; keeps the 1 file it had")
		rename(t, folder+".old", folder)
		literal.WantList("a:1", "b:1")
		globbed.WantList("a:1", "b:1")
		remove(t, folder)
		write(t, path, `["c:1"]`)
		literal.WantList("c:1")
		globbed.WantList("c:1")
		write(t, path, `["d:1"]`)
		literal.WantList("d:1")
		globbed.WantList("d:1")
	})
}

func TestAGlobFollowsFilesThatComeAndGo(t *testing.T) {
	eachWay(t, func(t *testing.T, newWatch watchFunc) {
		folder := t.TempDir()
		running := follow(t, newWatch, filepath.Join(folder, "*.json"))
		running.WantList()
		write(t, filepath.Join(folder, "b.json"), `["b:1"]`)
		running.WantList("b:1")
		write(t, filepath.Join(folder, "a.json"), `["a:1"]`)
		running.WantList("a:1", "b:1")
		remove(t, filepath.Join(folder, "b.json"))
		running.WantList("a:1")
		remove(t, filepath.Join(folder, "a.json"))
		running.WantList()
	})
}

func TestAGlobFollowsFoldersThatComeAndGo(t *testing.T) {
	folder := t.TempDir()
	running := follow(t, byInterval, filepath.Join(folder, "*", "*.json"))
	running.WantList()
	write(t, filepath.Join(folder, "y", "a.json"), `["a:1"]`)
	running.WantList("a:1")
	write(t, filepath.Join(folder, "x", "b.json"), `["b:1"]`)
	running.WantList("b:1", "a:1")
	remove(t, filepath.Join(folder, "y"))
	running.WantList("b:1")
}

func TestRunEndsWithItsContextAndLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	path := filepath.Join(t.TempDir(), "web.json")
	write(t, path, `["a:1"]`)
	running := sourcetest.Start(t, &Source{Paths: []string{path}})
	running.WantList("a:1")
	running.Stop()
	leaktest.WantNone(t, before)
}
