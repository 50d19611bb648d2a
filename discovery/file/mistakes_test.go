package file

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestABadFileKeepsItsEndpointsAndAffectsNoOther(t *testing.T) {
	eachWay(t, func(t *testing.T, newWatch watchFunc) {
		folder := t.TempDir()
		bad, good := filepath.Join(folder, "bad.json"), filepath.Join(folder, "good.json")
		write(t, bad, `["a:1", "b:1"]`)
		write(t, good, `["c:1"]`)
		running := follow(t, newWatch, bad, good)
		running.WantList("a:1", "b:1", "c:1")
		replace(t, bad, "[\"a:1\",\n\"b\"]")
		running.WantError(bad + ":2: entry 2 (b): address: ")
		replace(t, good, `["d:1"]`)
		running.WantList("a:1", "b:1", "d:1")
		replace(t, bad, `["e:1"]`)
		running.WantList("e:1", "d:1")
	})
}

func TestAMistakeIsReportedOncePerContent(t *testing.T) {
	eachWay(t, func(t *testing.T, newWatch watchFunc) {
		folder := t.TempDir()
		bad, good := filepath.Join(folder, "bad.json"), filepath.Join(folder, "good.json")
		write(t, bad, `["a"]`)
		write(t, good, `["b:1"]`)
		running := follow(t, newWatch, bad, good)
		if list, err := next(running); sourcetest.Addresses(list) != "b:1" || err == nil {
			t.Fatalf("got %v, %v", list, err)
		}
		replace(t, bad, `["a"]`)
		replace(t, good, `["c:1"]`)
		if list, err := next(running); sourcetest.Addresses(list) != "c:1" || err != nil {
			t.Fatalf("the same mistake again: %v, %v", list, err)
		}
		replace(t, bad, `["a" ]`)
		if list, err := next(running); list != nil || err == nil {
			t.Fatalf("a new content with the same mistake: %v, %v", list, err)
		}
	})
}

func TestAFileThatVanishesKeepsItsEndpointsUntilItReturns(t *testing.T) {
	eachWay(t, func(t *testing.T, newWatch watchFunc) {
		folder := t.TempDir()
		path, other := filepath.Join(folder, "web.json"), filepath.Join(folder, "other.json")
		write(t, path, `["a:1", "b:1"]`)
		write(t, other, `[]`)
		running := follow(t, newWatch, path, other)
		running.WantList("a:1", "b:1")
		remove(t, path)
		list, err := next(running)
		if list != nil || !isMissing(err) || !strings.HasSuffix(err.Error(), "; keeps the 2 endpoints it had") {
			t.Fatalf("got %v, %v", list, err)
		}
		replace(t, other, `["c:1"]`)
		if list, err := next(running); sourcetest.Addresses(list) != "a:1 b:1 c:1" || err != nil {
			t.Fatalf("the loss again: %v, %v", list, err)
		}
		write(t, path+".new", `["a:1", "b:1"]`)
		rename(t, path+".new", path)
		running.WantList("a:1", "b:1", "c:1")
	})
}

func TestAnEmptyFileIsAMistakeAndAnEmptyListIsNot(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.json")
	write(t, path, `["a:1"]`)
	running := follow(t, byEvents, path)
	running.WantList("a:1")
	replace(t, path, "")
	running.WantError("is empty; an empty list is written as []; keeps the 1 endpoint it had")
	replace(t, path, "[]")
	running.WantList()
}

func TestOnlyARegularFileWithinTheSizeLimitIsRead(t *testing.T) {
	folder := t.TempDir()
	follow(t, byEvents, folder).WantError("read " + folder + ": is not a regular file")
	large := filepath.Join(folder, "large.json")
	write(t, large, "")
	if err := os.Truncate(large, 1<<40); err != nil {
		t.Fatal(err)
	}
	follow(t, byEvents, large).WantError("large.json: has ")
}

func TestNothingIsReportedWhenTheEndpointsStayTheSame(t *testing.T) {
	folder := t.TempDir()
	path, other := filepath.Join(folder, "web.json"), filepath.Join(folder, "other.json")
	write(t, path, `["a:1"]`)
	write(t, other, `["b:1"]`)
	running := follow(t, byEvents, path, other)
	running.WantList("a:1", "b:1")
	replace(t, path, "- address: a:1\n  weight: 1\n")
	replace(t, other, `["c:1"]`)
	if list, err := next(running); sourcetest.Addresses(list) != "a:1 c:1" || err != nil {
		t.Fatalf("got %v, %v", list, err)
	}
}

func TestAYoungFileIsReadThoughItLooksTheSame(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.json")
	written := time.Now().Add(-time.Hour)
	for _, c := range []struct {
		age  time.Duration // when the first content is read
		want string
	}{{timestampResolution, "b:1"}, {timestampResolution + 1, "a:1"}} {
		file := listFile{path: path, limit: 10}
		for _, content := range []string{`["a:1"]`, `["b:1"]`} {
			write(t, path, content)
			if err := os.Chtimes(path, written, written); err != nil {
				t.Fatal(err)
			}
			if _, err := file.look(written.Add(c.age)); err != nil {
				t.Fatal(err)
			}
		}
		if got := sourcetest.Addresses(file.list); got != c.want {
			t.Errorf("read at an age of %s: got %s; want %s", c.age, got, c.want)
		}
	}
}

func TestWithoutAWatcherFilesAreFollowedWithOneError(t *testing.T) {
	closed := func() (*fsnotify.Watcher, error) { // it fails for every folder
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
		newWatch := func() *watch { return &watch{newWatcher: newWatcher, interval: 10 * time.Millisecond} }
		running := follow(t, newWatch, path)
		if list, err := next(running); list != nil || err == nil || err.Error() != want {
			t.Fatalf("got %v, %v; want %s", list, err, want)
		}
		for _, address := range []string{"a:1", "b:1", "c:1"} {
			replace(t, path, `["`+address+`"]`)
			wantListWithoutError(t, running, address)
		}
	}
}

// wantListWithoutError waits for a list of one address, and fails on an error before it.
func wantListWithoutError(t *testing.T, running *sourcetest.Running, address string) {
	t.Helper()
	for {
		list, err := next(running)
		if err != nil {
			t.Fatalf("waiting for %s: %v", address, err)
		}
		if sourcetest.Addresses(list) == address {
			return
		}
	}
}

func TestATargetInTwoGroupsIsNamedAndTheFileIsUsed(t *testing.T) {
	eachWay(t, func(t *testing.T, newWatch watchFunc) {
		path := filepath.Join(t.TempDir(), "web.yaml")
		write(t, path, "- targets: [a:1, b:1]\n  labels: {zone: one}\n- targets: [a:1, c:1]\n  labels: {zone: two}\n")
		running := follow(t, newWatch, path)
		answer := running.WantList("a:1", "b:1", "c:1")
		if got := answer.Endpoints[0].Zone; got != "one" {
			t.Errorf("the target has the zone %q; want that of the first group", got)
		}
		if d := answer.Dropped; len(d) != 1 || d[0].Key != path+":3" || d[0].Err.Error() != "entry 2 (a:1): address: is already in entry 1 on line 1" {
			t.Errorf("dropped %v", d)
		}
		replace(t, path, "- targets: [a:1, b:1]\n  labels: {zone: one}\n- targets: [c:1]\n  labels: {zone: two}\n")
		if answer := running.WantList("a:1", "b:1", "c:1"); len(answer.Dropped) > 0 {
			t.Errorf("still dropped %v", answer.Dropped)
		}
		running.WantNoError()
	})
}

func TestANullEntryIsAMistakeOfItsLine(t *testing.T) {
	path := filepath.Join(t.TempDir(), "web.yaml")
	write(t, path, "- targets: [a:1]\n-\n")
	follow(t, byInterval, path).WantError(path + ":2: entry 2: is null; expected an address or an object with an address")
}
