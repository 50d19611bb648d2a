package file

import (
	"context"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// Run implements discovery.Source. It never returns an error: the errors of files are part of its
// reports.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	s.run(ctx, report, &watch{newWatcher: fsnotify.NewWatcher, interval: lookInterval})
	return nil
}

// run looks for changes until ctx ends.
func (s *Source) run(ctx context.Context, report discovery.Report, watch *watch) {
	files := newSet(s.absolute)
	reportNews := func(a discovery.Answer) {
		if a.Authoritative = true; a.Endpoints != nil || a.Err != nil {
			report(a)
		}
	}
	reportError := func(err error) { reportNews(discovery.Answer{Err: err}) }
	defer watch.close()
	reportError(watch.start())
	for again := true; again; again = watch.wait(ctx) {
		// The watch comes before the look, so that no change in between is missed.
		reportError(watch.watchFolders(files.folders()))
		reportNews(files.look(time.Now()))
	}
}
