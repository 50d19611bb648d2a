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

func TestAChangeInAFollowedFolderIsHintedAt(t *testing.T) {
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
			followFolder(t, w, folder)
			do(t, folder)
			wantsHint(t, w)
		})
	}
}

func TestAFolderThatReturnsIsWatchedAgain(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "a", "b", "lists")
	w := startWatch(t)
	followFolder(t, w, folder)
	for range 3 {
		write(t, filepath.Join(folder, "web.json"), "[]")
		wantsHint(t, w)
		calm(w)
		followFolder(t, w, folder)
		write(t, filepath.Join(folder, "web.json"), "[ ]")
		wantsHint(t, w)
		rename(t, folder, filepath.Join(t.TempDir(), "gone"))
		wantsHint(t, w)
		calm(w)
		followFolder(t, w, folder)
	}
}

func TestAFolderReplacedByAnotherOfItsNameIsWatched(t *testing.T) {
	t.Parallel()
	folder := filepath.Join(t.TempDir(), "lists")
	write(t, filepath.Join(folder, "web.json"), "[]")
	w := startWatch(t)
	followFolder(t, w, folder)
	rename(t, folder, folder+".old")
	write(t, filepath.Join(folder, "web.json"), "[]")
	followFolder(t, w, folder)
	calm(w)
	write(t, filepath.Join(folder, "web.json"), "[ ]")
	wantsHint(t, w)
}

func TestOnlyTheFoldersThatAreFollowedAreWatched(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	write(t, filepath.Join(parent, "a", "web.json"), "[]")
	write(t, filepath.Join(parent, "b", "web.json"), "[]")
	w := startWatch(t)
	followFolder(t, w, filepath.Join(parent, "a"), filepath.Join(parent, "b"))
	followFolder(t, w, filepath.Join(parent, "b"), filepath.Join(parent, "missing", "c"))
	got := w.watcher.WatchList()
	slices.Sort(got)
	if want := []string{parent, filepath.Join(parent, "b")}; !slices.Equal(got, want) {
		t.Errorf("watches %q; want %q", got, want)
	}
}

func TestALookFollowsOnceAFolderIsQuietAndAtLeastEveryInterval(t *testing.T) {
	for _, c := range []struct {
		hints []time.Duration
		want  time.Duration
	}{
		{nil, fileInterval},
		{[]time.Duration{0}, fileQuiet},
		{[]time.Duration{0, fileQuiet - 1, 2 * (fileQuiet - 1)}, 3*fileQuiet - 2},
		{every(fileQuiet-1, 2*fileInterval), fileInterval},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := fileWatch{hints: make(chan struct{}), interval: fileInterval}
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
				t.Error("wait said that the context ended")
			}
			if got := time.Since(start); got != c.want {
				t.Errorf("hints at %v: looked after %s; want %s", c.hints, got, c.want)
			}
		})
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), fileQuiet)
		defer cancel()
		w := fileWatch{interval: fileInterval}
		if w.wait(ctx) {
			t.Error("wait said that it is time to look")
		}
	})
}

func every(step, end time.Duration) (all []time.Duration) {
	for at := time.Duration(0); at < end; at += step {
		all = append(all, at)
	}
	return all
}

func hint(ctx context.Context, w *fileWatch) {
	select {
	case <-ctx.Done():
	case w.hints <- struct{}{}:
	}
}

func startWatch(t *testing.T) *fileWatch {
	t.Helper()
	w := &fileWatch{newWatcher: fsnotify.NewWatcher}
	if err := w.start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.close)
	return w
}

func followFolder(t *testing.T, w *fileWatch, folders ...string) {
	t.Helper()
	if err := w.follow(folders); err != nil {
		t.Fatal(err)
	}
}

func wantsHint(t *testing.T, w *fileWatch) {
	t.Helper()
	select {
	case <-w.hints:
	case <-time.After(30 * time.Second):
		t.Fatal("no hint")
	}
}

// calm lets the events of the past pass by.
func calm(w *fileWatch) {
	for {
		select {
		case <-w.hints:
		case <-time.After(fileQuiet):
			return
		}
	}
}
