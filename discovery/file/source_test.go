package file

import (
	"context"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	caddytext "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestFileSourceTakesItsPathsFromACaddyfile(t *testing.T) {
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

func TestFileSourceRefusesPathsThatCannotBeMeant(t *testing.T) {
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

func TestFileSourceReplacesPlaceholdersInPaths(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "web.json"), `["a:1"]`)
	t.Setenv("CADDY_BALANCE_LISTS", folder)
	follow(t, byEvents, "{env.CADDY_BALANCE_LISTS}/web.json").wants("a:1")
}

func TestSeveralFilesAreOneListAndTheFirstPathWins(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "last", "b.json"), `[{"address": "b:1", "weight": 2}, "c:1", "d:1"]`)
	write(t, filepath.Join(folder, "last", "a.yaml"), "- address: c:1\n  weight: 3\n")
	write(t, filepath.Join(folder, "first.json"), `["a:1", "b:1"]`)
	got := follow(t, byEvents, filepath.Join(folder, "first.json"), filepath.Join(folder, "last", "*")).wants("a:1", "b:1", "c:1", "d:1")
	if got[1].Weight != 1 || got[2].Weight != 3 {
		t.Errorf("the wrong one of two entries won: %+v", got)
	}
}

func TestAFileWrittenInPlaceIsReadAgain(t *testing.T) {
	eachWay(t, func(t *testing.T, watch watchFunc) {
		path := filepath.Join(t.TempDir(), "web.json")
		write(t, path, `["a:1"]`)
		s := follow(t, watch, path)
		s.wants("a:1")
		write(t, path, `["b:1"]`)
		s.wants("b:1")
	})
}

func TestAFileRenamedOverIsReadAgain(t *testing.T) {
	eachWay(t, func(t *testing.T, watch watchFunc) {
		path := filepath.Join(t.TempDir(), "web.json")
		write(t, path, `["a:1"]`)
		s := follow(t, watch, path)
		s.wants("a:1")
		for _, address := range []string{"b:1", "c:1", "d:1"} {
			write(t, path+".new", `["`+address+`"]`)
			rename(t, path+".new", path)
			s.wants(address)
		}
	})
}

func TestAConfigMapIsReadAgainWhenItsLinkSwaps(t *testing.T) {
	eachWay(t, func(t *testing.T, watch watchFunc) {
		folder := t.TempDir()
		write(t, filepath.Join(folder, "..1", "web.json"), `["a:1"]`)
		link(t, "..1", filepath.Join(folder, "..data"))
		link(t, filepath.Join("..data", "web.json"), filepath.Join(folder, "web.json"))
		literal, globbed := follow(t, watch, filepath.Join(folder, "web.json")), follow(t, watch, filepath.Join(folder, "*"))
		literal.wants("a:1")
		globbed.wants("a:1")
		write(t, filepath.Join(folder, "..2", "web.json"), `["b:1"]`)
		link(t, "..2", filepath.Join(folder, "..data_tmp"))
		rename(t, filepath.Join(folder, "..data_tmp"), filepath.Join(folder, "..data"))
		remove(t, filepath.Join(folder, "..1"))
		literal.wants("b:1")
		globbed.wants("b:1")
	})
}

func TestAFolderThatIsALinkMaySwap(t *testing.T) {
	folder := t.TempDir()
	write(t, filepath.Join(folder, "1", "web.json"), `["a:1"]`)
	write(t, filepath.Join(folder, "2", "web.json"), `["b:1"]`)
	link(t, "1", filepath.Join(folder, "current"))
	s := follow(t, byInterval, filepath.Join(folder, "current", "web.json"))
	s.wants("a:1")
	link(t, "2", filepath.Join(folder, "next"))
	rename(t, filepath.Join(folder, "next"), filepath.Join(folder, "current"))
	s.wants("b:1")
}

func TestAFileMayAppearLater(t *testing.T) {
	eachWay(t, func(t *testing.T, watch watchFunc) {
		folder := t.TempDir()
		path := filepath.Join(folder, "not", "yet", "web.json")
		write(t, filepath.Join(folder, "web.json"), `["a:1"]`)
		s := follow(t, watch, path, filepath.Join(folder, "web.json"))
		if list, err := s.next(); !isMissing(err) || sourcetest.Addresses(list) != "a:1" {
			t.Fatalf("got %v, %v; want a:1 and that the other file is missing", list, err)
		}
		write(t, path, `["b:1"]`)
		s.wants("b:1", "a:1")
	})
}

func TestAFolderMayVanishAndReturn(t *testing.T) {
	eachWay(t, func(t *testing.T, watch watchFunc) {
		folder := filepath.Join(t.TempDir(), "lists")
		path := filepath.Join(folder, "web.json")
		write(t, path, `["a:1", "b:1"]`)
		literal, globbed := follow(t, watch, path), follow(t, watch, filepath.Join(folder, "*.json"))
		literal.wants("a:1", "b:1")
		globbed.wants("a:1", "b:1")
		rename(t, folder, folder+".old")
		literal.wantsError("; keeps the 2 endpoints it had")
		globbed.wantsError("; keeps the 1 files it had")
		rename(t, folder+".old", folder)
		literal.wants("a:1", "b:1")
		globbed.wants("a:1", "b:1")
		remove(t, folder)
		write(t, path, `["c:1"]`)
		literal.wants("c:1")
		globbed.wants("c:1")
		write(t, path, `["d:1"]`)
		literal.wants("d:1")
		globbed.wants("d:1")
	})
}

func TestAGlobFollowsFilesThatComeAndGo(t *testing.T) {
	eachWay(t, func(t *testing.T, watch watchFunc) {
		folder := t.TempDir()
		s := follow(t, watch, filepath.Join(folder, "*.json"))
		s.wants()
		write(t, filepath.Join(folder, "b.json"), `["b:1"]`)
		s.wants("b:1")
		write(t, filepath.Join(folder, "a.json"), `["a:1"]`)
		s.wants("a:1", "b:1")
		remove(t, filepath.Join(folder, "b.json"))
		s.wants("a:1")
		remove(t, filepath.Join(folder, "a.json"))
		s.wants()
	})
}

func TestAGlobFollowsFoldersThatComeAndGo(t *testing.T) {
	folder := t.TempDir()
	s := follow(t, byInterval, filepath.Join(folder, "*", "*.json"))
	s.wants()
	write(t, filepath.Join(folder, "y", "a.json"), `["a:1"]`)
	s.wants("a:1")
	write(t, filepath.Join(folder, "x", "b.json"), `["b:1"]`)
	s.wants("b:1", "a:1")
	remove(t, filepath.Join(folder, "y"))
	s.wants("b:1")
}

func TestRunEndsWithItsContextAndLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	path := filepath.Join(t.TempDir(), "web.json")
	write(t, path, `["a:1"]`)
	s := Source{Paths: []string{path}}
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	reported := make(chan struct{}, 8)
	go func() {
		defer close(done)
		s.Run(ctx, func(discovery.Answer) { reported <- struct{}{} })
	}()
	<-reported
	cancel()
	<-done
	goleak.VerifyNone(t, before)
}
