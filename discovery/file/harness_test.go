package file

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/fsnotify/fsnotify"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// eachWay runs a test with events alone and with the interval alone. A change must show in both.
func eachWay(t *testing.T, test func(t *testing.T, newWatch watchFunc)) {
	t.Run("events", func(t *testing.T) { t.Parallel(); test(t, byEvents) })
	t.Run("interval", func(t *testing.T) { t.Parallel(); test(t, byInterval) })
}

// watchFunc makes the watch of a source.
type watchFunc = func() *watch

func byEvents() *watch { return &watch{newWatcher: fsnotify.NewWatcher, interval: time.Hour} }

func byInterval() *watch {
	return &watch{newWatcher: noWatcher, interval: 10 * time.Millisecond}
}

var errNoWatcher = errors.New("no watcher")

func noWatcher() (*fsnotify.Watcher, error) { return nil, errNoWatcher }

// follow runs a source of the paths until the test ends. The error that there is no watcher is left
// out.
func follow(t *testing.T, newWatch watchFunc, paths ...string) *sourcetest.Running {
	t.Helper()
	s := Source{Paths: paths}
	if err := s.Provision(caddy.Context{}); err != nil {
		t.Fatal(err)
	}
	return sourcetest.Follow(t, func(ctx context.Context, report discovery.Report) error {
		s.run(ctx, func(a discovery.Answer) {
			if !errors.Is(a.Err, errNoWatcher) {
				report(a)
			}
		}, newWatch())
		return nil
	})
}

// next returns the list and the error of the next report.
func next(running *sourcetest.Running) ([]listing.Info, error) {
	a := running.Next()
	return a.Endpoints, a.Err
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

// replace replaces a file in one step.
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
