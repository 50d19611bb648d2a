package file

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/fsnotify/fsnotify"
)

const (
	// fileInterval makes changes known that no event told of: on a network file system, behind
	// a symbolic link or a bind mount, in a folder that was not there. A look costs a stat per file.
	fileInterval = time.Second

	// fileQuiet is longer than a writer takes from one write to the next. Where it never gets
	// quiet, the interval ends the wait.
	fileQuiet = 50 * time.Millisecond
)

// fileWatch says when files may have changed. Events only make it prompt. What it promises
// it keeps by the interval, so nobody has to derive which links and folders a path
// hangs on and which of them the system can watch.
type fileWatch struct {
	newWatcher func() (*fsnotify.Watcher, error)
	interval   time.Duration

	watcher *fsnotify.Watcher // nil if it could not start
	hints   chan struct{}
	drained sync.WaitGroup
	failed  bool // and said so
}

func (w *fileWatch) start() error {
	watcher, err := w.newWatcher()
	if err != nil {
		return w.fail(err)
	}
	w.watcher, w.hints = watcher, make(chan struct{}, 1)
	w.drained.Go(w.drain)
	return nil
}

func (w *fileWatch) close() {
	if w.watcher != nil {
		_ = w.watcher.Close()
	}
	w.drained.Wait()
}

// drain is a goroutine of its own because fsnotify hands over some errors with the lock
// held that Add needs.
func (w *fileWatch) drain() {
	for {
		select {
		case _, open := <-w.watcher.Events:
			if !open {
				return
			}
		case <-w.watcher.Errors: // such as an overflow: something changed
		}
		select {
		case w.hints <- struct{}{}:
		default:
		}
	}
}

// follow watches folders, or of those that are missing the nearest that is there.
func (w *fileWatch) follow(folders []string) error {
	if w.watcher == nil {
		return nil
	}
	for i, folder := range folders {
		folders[i] = nearestFolder(folder)
	}
	for _, watched := range w.watcher.WatchList() {
		if !slices.Contains(folders, watched) {
			_ = w.watcher.Remove(watched)
		}
	}
	var problem error
	for _, folder := range folders {
		// Also if it is watched: by now another folder may have its name.
		err := w.watcher.Add(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			problem = err
		}
	}
	return w.fail(problem)
}

func nearestFolder(folder string) string {
	for {
		info, err := os.Stat(folder)
		parent := filepath.Dir(folder)
		if err == nil && info.IsDir() || parent == folder {
			return folder
		}
		folder = parent
	}
}

// fail makes an error of the first failure only, since all of them mean the same.
func (w *fileWatch) fail(err error) error {
	if err == nil || w.failed {
		return nil
	}
	w.failed = true
	return fmt.Errorf("watching files: %w; looks every %s instead", err, w.interval)
}

// wait returns true when it is time to look, and false when ctx ends.
func (w *fileWatch) wait(ctx context.Context) bool {
	interval := time.After(w.interval)
	var quiet <-chan time.Time
	for {
		select {
		case <-ctx.Done():
			return false
		case <-interval:
			return true
		case <-quiet:
			return true
		case <-w.hints:
			quiet = time.After(fileQuiet)
		}
	}
}
