package file

import (
	"context"
	"path/filepath"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/fsnotify/fsnotify"
)

func TestAChangeInAWatchedFolderGivesAHint(t *testing.T) {
	for change, do := range map[string]func(t *testing.T, folder string){
		"write":  func(t *testing.T, folder string) { write(t, filepath.Join(folder, "web.json"), "[]") },
		"create": func(t *testing.T, folder string) { write(t, filepath.Join(folder, "new.json"), "[]") },
		"remove": func(t *testing.T, folder string) { remove(t, filepath.Join(folder, "web.json")) },
		"rename over": func(t *testing.T, folder string) {
			rename(t, filepath.Join(filepath.Dir(folder), "web.json"), filepath.Join(folder, "web.json"))
		},
		"link": func(t *testing.T, folder string) { link(t, "elsewhere", filepath.Join(folder, "..data")) },
		"move the folder": func(t *testing.T, folder string) {
			rename(t, folder, folder+".old")
		},
		"remove the folder": func(t *testing.T, folder string) { remove(t, folder) },
	} {
		t.Run(change, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			folder := filepath.Join(parent, "lists")
			write(t, filepath.Join(parent, "web.json"), "[]")
			write(t, filepath.Join(folder, "web.json"), "[]")
			w := startWatch(t)
			watchFolders(t, w, folder)
			do(t, folder)
			wantHint(t, w)
		})
	}
}

func TestAFolderThatReturnsIsWatchedAgain(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "b", "lists")
	w := startWatch(t)
	watchFolders(t, w, folder)
	for range 3 {
		write(t, filepath.Join(folder, "web.json"), "[]")
		wantHint(t, w)
		discardHints(w)
		watchFolders(t, w, folder)
		write(t, filepath.Join(folder, "web.json"), "[ ]")
		wantHint(t, w)
		rename(t, folder, filepath.Join(t.TempDir(), "gone"))
		wantHint(t, w)
		discardHints(w)
		watchFolders(t, w, folder)
	}
}

func TestAFolderReplacedByAnotherOfItsNameIsWatched(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "lists")
	write(t, filepath.Join(folder, "web.json"), "[]")
	w := startWatch(t)
	watchFolders(t, w, folder)
	rename(t, folder, folder+".old")
	write(t, filepath.Join(folder, "web.json"), "[]")
	watchFolders(t, w, folder)
	discardHints(w)
	write(t, filepath.Join(folder, "web.json"), "[ ]")
	wantHint(t, w)
}

func TestOnlyTheGivenFoldersAreWatched(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	write(t, filepath.Join(parent, "a", "web.json"), "[]")
	write(t, filepath.Join(parent, "b", "web.json"), "[]")
	w := startWatch(t)
	watchFolders(t, w, filepath.Join(parent, "a"), filepath.Join(parent, "b"))
	watchFolders(t, w, filepath.Join(parent, "b"), filepath.Join(parent, "missing", "c"))
	got := w.watcher.WatchList()
	slices.Sort(got)
	if want := []string{parent, filepath.Join(parent, "b")}; !slices.Equal(got, want) {
		t.Errorf("watches %q; want %q", got, want)
	}
}

func TestTheWaitEndsWhenEventsStopOrTheIntervalIsOver(t *testing.T) {
	for _, c := range []struct {
		hints []time.Duration
		want  time.Duration
	}{
		{nil, lookInterval},
		{[]time.Duration{0}, quietTime},
		{[]time.Duration{0, quietTime - 1, 2 * (quietTime - 1)}, 3*quietTime - 2},
		{every(quietTime-1, 2*lookInterval), lookInterval},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := watch{hints: make(chan struct{}), interval: lookInterval}
			start := time.Now()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			for _, at := range c.hints {
				go func() {
					select {
					case <-ctx.Done():
					case <-time.After(at):
						hint(ctx, &w)
					}
				}()
			}
			if !w.wait(ctx) {
				t.Error("wait reported that the context ended")
			}
			if got := time.Since(start); got != c.want {
				t.Errorf("hints at %v: looked after %s; want %s", c.hints, got, c.want)
			}
		})
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), quietTime)
		defer cancel()
		w := watch{interval: lookInterval}
		if w.wait(ctx) {
			t.Error("wait reported that it is time to look")
		}
	})
}

func every(step, end time.Duration) (all []time.Duration) {
	for at := time.Duration(0); at < end; at += step {
		all = append(all, at)
	}
	return all
}

func hint(ctx context.Context, w *watch) {
	select {
	case <-ctx.Done():
	case w.hints <- struct{}{}:
	}
}

func startWatch(t *testing.T) *watch {
	t.Helper()
	w := &watch{newWatcher: fsnotify.NewWatcher}
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

func watchFolders(t *testing.T, w *watch, folders ...string) {
	t.Helper()
	if err := w.watchFolders(folders); err != nil {
		t.Fatal(err)
	}
}

func wantHint(t *testing.T, w *watch) {
	t.Helper()
	select {
	case <-w.hints:
	case <-time.After(time.Minute):
		t.Fatal("no hint")
	}
}

// discardHints discards hints until there are no more for a while.
func discardHints(w *watch) {
	for {
		select {
		case <-w.hints:
		case <-time.After(quietTime):
			return
		}
	}
}
