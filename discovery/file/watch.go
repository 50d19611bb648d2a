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
	// lookInterval limits how long a change without an event goes unnoticed: on a network file
	// system, behind a symbolic link or a bind mount, or in a folder that did not exist. A look
	// costs one stat call a file.
	lookInterval = time.Second

	// quietTime is the time without events after which the files are read. It is longer than the
	// pause between two writes of one writer. If events never stop, the interval ends the wait.
	quietTime = 50 * time.Millisecond
)

// watch waits until files may have changed. Events only make it faster: changes are found at the
// latest by looking in intervals. Therefore the code need not know which links and folders a path
// depends on and which of them the system can watch.
type watch struct {
	newWatcher func() (*fsnotify.Watcher, error)
	interval   time.Duration

	watcher *fsnotify.Watcher // nil if it could not start
	hints   chan struct{}
	drained sync.WaitGroup
	failed  bool // an error was reported
}

func (w *watch) start() error {
	watcher, err := w.newWatcher()
	if err != nil {
		return w.failOnce(err)
	}
	w.watcher, w.hints = watcher, make(chan struct{}, 1)
	w.drained.Go(w.drain)
	return nil
}

func (w *watch) close() {
	if w.watcher != nil {
		_ = w.watcher.Close()
	}
	w.drained.Wait()
}

// drain turns events into hints. It has a goroutine of its own, because fsnotify sends some errors
// while it holds the lock that Add needs.
func (w *watch) drain() {
	for {
		select {
		case _, open := <-w.watcher.Events:
			if !open {
				return
			}
		case <-w.watcher.Errors: // such as an overflow, so something changed
		}
		select {
		case w.hints <- struct{}{}:
		default:
		}
	}
}

// watchFolders replaces the watched folders. In place of a folder that is missing it watches the
// nearest parent that exists.
func (w *watch) watchFolders(folders []string) error {
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
		// Added even if it is watched, because another folder may have its name by now.
		err := w.watcher.Add(folder)
		if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, fs.ErrPermission) {
			problem = err
		}
	}
	return w.failOnce(problem)
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

// failOnce returns only the first error, because all of them have the same effect.
func (w *watch) failOnce(err error) error {
	if err == nil || w.failed {
		return nil
	}
	w.failed = true
	return fmt.Errorf("watching files: %w; looks every %s instead", err, w.interval)
}

// wait waits until the files are to be read, and returns false if ctx ends before that.
func (w *watch) wait(ctx context.Context) bool {
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
			quiet = time.After(quietTime)
		}
	}
}
