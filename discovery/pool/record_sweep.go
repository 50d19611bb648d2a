package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/caddy-balance/caddy-balance/discovery"
)

const (
	// upkeepInterval is how often stored records are written again though they did not change, so
	// that their age tells which of them are in use.
	upkeepInterval = 24 * time.Hour

	// firstUpkeep is when that begins, so that a Caddy which is restarted each day does it too.
	firstUpkeep = 10 * time.Minute

	// unusedAfter is the age from which on a record is in use by no config. It is long enough for a
	// machine that is being repaired.
	unusedAfter = 30 * 24 * time.Hour

	// sweepTimeout is the maximum time of a sweep.
	sweepTimeout = 5 * time.Minute
)

// records is what the pools of a process share to keep records in Caddy's storage.
type records struct {
	instance func() (string, error) // the ID of this Caddy

	mu    sync.Mutex
	swept time.Time // when one of the pools last removed unused records
}

// sweepIsDue reports whether it is time for a sweep, and begins the time until the next one. One
// pool of a process is enough to sweep.
func (r *records) sweepIsDue(now time.Time) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if !r.swept.IsZero() && now.Sub(r.swept) < upkeepInterval/2 {
		return false
	}
	r.swept = now
	return true
}

// sweep deletes the records of pools that no config names any more, also those of other instances:
// what was not written for unusedAfter. A storage that does not know when a record was written
// keeps it.
func sweep(ctx context.Context, storage certmagic.Storage, now time.Time) error {
	keys, err := storage.List(ctx, discovery.RecordFolder, true)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	for _, key := range keys {
		if !strings.HasSuffix(key, ".json") {
			continue
		}
		info, err := storage.Stat(ctx, key)
		if err != nil || info.Modified.IsZero() || now.Sub(info.Modified) < unusedAfter {
			continue
		}
		if err := storage.Delete(ctx, key); err != nil {
			return fmt.Errorf("%s: %w", key, err)
		}
	}
	return nil
}
