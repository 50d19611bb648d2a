package discovery

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	caddytext "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/fsnotify/fsnotify"
	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func TestFileSourceTakesItsPathsFromACaddyfile(t *testing.T) {
	var s FileSource
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
		s := FileSource{Paths: paths}
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

// Each change must show by its events alone, and without any.
func eachWay(t *testing.T, test func(t *testing.T, watch watchFunc)) {
	t.Run("events", func(t *testing.T) { t.Parallel(); test(t, byEvents) })
	t.Run("interval", func(t *testing.T) { t.Parallel(); test(t, byInterval) })
}

type watchFunc = func() *fileWatch

func byEvents() *fileWatch { return &fileWatch{newWatcher: fsnotify.NewWatcher, interval: time.Hour} }

func byInterval() *fileWatch {
	return &fileWatch{newWatcher: noWatcher, interval: 10 * time.Millisecond}
}

var errNoWatcher = errors.New("no watcher")

func noWatcher() (*fsnotify.Watcher, error) { return nil, errNoWatcher }

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
		if list, err := s.next(); !isMissing(err) || addresses(list) != "a:1" {
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

func TestABadFileKeepsItsEndpointsAndDisturbsNoOther(t *testing.T) {
	eachWay(t, func(t *testing.T, watch watchFunc) {
		folder := t.TempDir()
		bad, good := filepath.Join(folder, "bad.json"), filepath.Join(folder, "good.json")
		write(t, bad, `["a:1", "b:1"]`)
		write(t, good, `["c:1"]`)
		s := follow(t, watch, bad, good)
		s.wants("a:1", "b:1", "c:1")
		replace(t, bad, "[\"a:1\",\n\"b\"]")
		s.wantsError(bad + ":2: entry 2 (b): address: ")
		replace(t, good, `["d:1"]`)
		s.wants("a:1", "b:1", "d:1")
		replace(t, bad, `["e:1"]`)
		s.wants("e:1", "d:1")
	})
}

func TestAMistakeIsReportedOncePerContent(t *testing.T) {
	eachWay(t, func(t *testing.T, watch watchFunc) {
		folder := t.TempDir()
		bad, good := filepath.Join(folder, "bad.json"), filepath.Join(folder, "good.json")
		write(t, bad, `["a"]`)
		write(t, good, `["b:1"]`)
		s := follow(t, watch, bad, good)
		if list, err := s.next(); addresses(list) != "b:1" || err == nil {
			t.Fatalf("got %v, %v", list, err)
		}
		replace(t, bad, `["a"]`)
		replace(t, good, `["c:1"]`)
		if list, err := s.next(); addresses(list) != "c:1" || err != nil {
			t.Fatalf("the same mistake again: %v, %v", list, err)
		}
		replace(t, bad, `["a" ]`)
		if list, err := s.next(); list != nil || err == nil {
			t.Fatalf("a new content with the same mistake: %v, %v", list, err)
		}
	})
}

func TestAFileThatVanishesKeepsItsEndpointsUntilItReturns(t *testing.T) {
	eachWay(t, func(t *testing.T, watch watchFunc) {
		folder := t.TempDir()
		path, other := filepath.Join(folder, "web.json"), filepath.Join(folder, "other.json")
		write(t, path, `["a:1", "b:1"]`)
		write(t, other, `[]`)
		s := follow(t, watch, path, other)
		s.wants("a:1", "b:1")
		remove(t, path)
		if list, err := s.next(); list != nil || !isMissing(err) || !strings.HasSuffix(err.Error(), "; keeps the 2 endpoints it had") {
			t.Fatalf("got %v, %v", list, err)
		}
		replace(t, other, `["c:1"]`)
		if list, err := s.next(); addresses(list) != "a:1 b:1 c:1" || err != nil {
			t.Fatalf("the loss again: %v, %v", list, err)
		}
		write(t, path+".new", `["a:1", "b:1"]`)
		rename(t, path+".new", path)
		s.wants("a:1", "b:1", "c:1")
	})
}

func TestAnEmptyFileIsAMistakeAndAnEmptyListIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.json")
	write(t, path, `["a:1"]`)
	s := follow(t, byEvents, path)
	s.wants("a:1")
	replace(t, path, "")
	s.wantsError("is empty; an empty list is written as []; keeps the 1 endpoints it had")
	replace(t, path, "[]")
	s.wants()
}

func TestOnlyARegularFileOfFairSizeIsRead(t *testing.T) {
	folder := t.TempDir()
	follow(t, byEvents, folder).wantsError("read " + folder + ": is not a regular file")
	large := filepath.Join(folder, "large.json")
	write(t, large, "")
	if err := os.Truncate(large, 1<<40); err != nil {
		t.Fatal(err)
	}
	follow(t, byEvents, large).wantsError("large.json: has ")
}

func TestNothingIsReportedWhenTheEndpointsStayTheSame(t *testing.T) {
	folder := t.TempDir()
	path, other := filepath.Join(folder, "web.json"), filepath.Join(folder, "other.json")
	write(t, path, `["a:1"]`)
	write(t, other, `["b:1"]`)
	s := follow(t, byEvents, path, other)
	s.wants("a:1", "b:1")
	replace(t, path, "- address: a:1\n  weight: 1\n")
	replace(t, other, `["c:1"]`)
	if list, err := s.next(); addresses(list) != "a:1 c:1" || err != nil {
		t.Fatalf("got %v, %v", list, err)
	}
}

func TestAYoungFileIsReadThoughItLooksTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.json")
	written := time.Now().Add(-time.Hour)
	for _, c := range []struct {
		age  time.Duration // when the first content is read
		want string
	}{{timestampGrain, "b:1"}, {timestampGrain + 1, "a:1"}} {
		file := fileList{path: path}
		for _, content := range []string{`["a:1"]`, `["b:1"]`} {
			write(t, path, content)
			if err := os.Chtimes(path, written, written); err != nil {
				t.Fatal(err)
			}
			if _, err := file.look(written.Add(c.age)); err != nil {
				t.Fatal(err)
			}
		}
		if got := addresses(file.list); got != c.want {
			t.Errorf("read at an age of %s: got %s; want %s", c.age, got, c.want)
		}
	}
}

func TestWithoutAWatcherFilesAreFollowedAndOneErrorSaysSo(t *testing.T) {
	closed := func() (*fsnotify.Watcher, error) { // it refuses every folder
		w, err := fsnotify.NewWatcher()
		return w, errors.Join(err, w.Close())
	}
	none := func() (*fsnotify.Watcher, error) { return nil, errors.New("too many open files") }
	for want, newWatcher := range map[string]func() (*fsnotify.Watcher, error){
		"watching files: too many open files; looks every 10ms instead":              none,
		"watching files: fsnotify: watcher already closed; looks every 10ms instead": closed,
	} {
		path := filepath.Join(t.TempDir(), "web.json")
		write(t, path, `["a:1"]`)
		s := follow(t, func() *fileWatch { return &fileWatch{newWatcher: newWatcher, interval: 10 * time.Millisecond} }, path)
		if list, err := s.next(); list != nil || err == nil || err.Error() != want {
			t.Fatalf("got %v, %v; want %s", list, err, want)
		}
		for _, address := range []string{"a:1", "b:1", "c:1"} {
			replace(t, path, `["`+address+`"]`)
			s.wantsOnly(address)
		}
	}
}

func TestRunEndsWithItsContextAndLeavesNothingBehind(t *testing.T) {
	before := goleak.IgnoreCurrent()
	path := filepath.Join(t.TempDir(), "web.json")
	write(t, path, `["a:1"]`)
	s := FileSource{Paths: []string{path}}
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	reported := make(chan struct{}, 8)
	go func() {
		defer close(done)
		s.Run(ctx, func([]endpoint.Info, error) { reported <- struct{}{} })
	}()
	<-reported
	cancel()
	<-done
	goleak.VerifyNone(t, before)
}

// following is a FileSource at work.
type following struct {
	t       *testing.T
	reports chan fileReport
}

type fileReport struct {
	list []endpoint.Info
	err  error
}

func follow(t *testing.T, watch watchFunc, paths ...string) *following {
	t.Helper()
	s := FileSource{Paths: paths}
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	f := &following{t: t, reports: make(chan fileReport, 100)}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.run(ctx, f.report, watch())
	}()
	t.Cleanup(func() { cancel(); <-done })
	return f
}

func (f *following) report(list []endpoint.Info, err error) {
	if !errors.Is(err, errNoWatcher) {
		f.reports <- fileReport{list, err}
	}
}

func (f *following) next() ([]endpoint.Info, error) {
	f.t.Helper()
	select {
	case r := <-f.reports:
		return r.list, r.err
	case <-time.After(30 * time.Second):
		f.t.Fatal("nothing was reported")
		return nil, nil
	}
}

// wants waits for a list without an error. A look may have come between two steps of a
// change, so what it said is passed over.
func (f *following) wants(want ...string) []endpoint.Info {
	f.t.Helper()
	for {
		list, err := f.next()
		if list != nil && err == nil && addresses(list) == strings.Join(want, " ") {
			return list
		}
		f.t.Logf("passed over: %s, %v", addresses(list), err)
	}
}

// wantsOnly passes over other lists, but no error.
func (f *following) wantsOnly(want string) {
	f.t.Helper()
	for {
		list, err := f.next()
		if err != nil {
			f.t.Fatalf("waiting for %s: %v", want, err)
		}
		if addresses(list) == want {
			return
		}
	}
}

func (f *following) wantsError(want string) {
	f.t.Helper()
	for {
		list, err := f.next()
		if err != nil && strings.Contains(err.Error(), want) {
			return
		}
		f.t.Logf("passed over: %s, %v", addresses(list), err)
	}
}

func addresses(list []endpoint.Info) string {
	all := make([]string, len(list))
	for i, info := range list {
		all[i] = info.Address
	}
	return strings.Join(all, " ")
}

func isMissing(err error) bool { return errors.Is(err, os.ErrNotExist) }

func write(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// replace leaves no moment in which a reader sees less than the whole.
func replace(t *testing.T, path, text string) {
	t.Helper()
	write(t, path+".new", text)
	rename(t, path+".new", path)
}

func rename(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Rename(from, to); err != nil {
		t.Fatal(err)
	}
}

func link(t *testing.T, target, path string) {
	t.Helper()
	if err := os.Symlink(target, path); err != nil {
		t.Fatal(err)
	}
}

func remove(t *testing.T, path string) {
	t.Helper()
	if err := os.RemoveAll(path); err != nil {
		t.Fatal(err)
	}
}
