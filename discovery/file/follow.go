package file

import (
	"context"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// Run implements discovery.Source. It never returns an error: the errors of files are part of its
// reports.
func (s *Source) Run(ctx context.Context, report discovery.Report) error {
	s.run(ctx, report, &watch{newWatcher: fsnotify.NewWatcher, interval: lookInterval})
	return nil
}

// run looks for changes until ctx ends.
func (s *Source) run(ctx context.Context, report discovery.Report, watch *watch) {
	files := newSet(s.absolute, discovery.MaxEndpoints(ctx))
	reportNews := func(list []listing.Info, err error) {
		if list != nil || err != nil {
			report(discovery.Answer{Endpoints: list, Err: err, Authoritative: true})
		}
	}
	defer watch.close()
	reportNews(nil, watch.start())
	for again := true; again; again = watch.wait(ctx) {
		// The watch comes before the look, so that no change in between is missed.
		reportNews(nil, watch.watchFolders(files.folders()))
		reportNews(files.look(time.Now()))
	}
}
