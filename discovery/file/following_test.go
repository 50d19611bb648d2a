package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/fsnotify/fsnotify"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

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

// following is a FileSource at work.
type following struct {
	t       *testing.T
	reports chan fileReport
}

type fileReport struct {
	list []listing.Info
	err  error
}

func follow(t *testing.T, watch watchFunc, paths ...string) *following {
	t.Helper()
	s := Source{Paths: paths}
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

func (f *following) report(a discovery.Answer) {
	if !errors.Is(a.Err, errNoWatcher) {
		f.reports <- fileReport{a.Endpoints, a.Err}
	}
}

func (f *following) next() ([]listing.Info, error) {
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
func (f *following) wants(want ...string) []listing.Info {
	f.t.Helper()
	for {
		list, err := f.next()
		if list != nil && err == nil && sourcetest.Addresses(list) == strings.Join(want, " ") {
			return list
		}
		f.t.Logf("passed over: %s, %v", sourcetest.Addresses(list), err)
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
		if sourcetest.Addresses(list) == want {
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
		f.t.Logf("passed over: %s, %v", sourcetest.Addresses(list), err)
	}
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
