package registry

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"time"

	"github.com/caddyserver/certmagic"
	"github.com/cespare/xxhash/v2"

	"github.com/caddy-balance/caddy-balance/discovery"
)

const (
	// saveDelay is the time from a change to its write, so that the changes of one deployment
	// become a few writes.
	saveDelay = time.Second

	// saveRetryPause is the pause after a failed write.
	saveRetryPause = time.Minute

	// storageTimeout is the maximum time of a call of the storage. The end of a config waits that
	// long for a storage that hangs.
	storageTimeout = 5 * time.Second
)

// storageKey returns the key of the leases of a pool. A hash distinguishes the names of pools that
// a key cannot have.
func storageKey(pool string) string {
	safe, file := certmagic.StorageKeys.Safe(pool), "registry.json"
	if safe != pool {
		file = fmt.Sprintf("registry-%x.json", xxhash.Sum64String(pool))
	}
	return path.Join("balance", "pools", safe, file)
}

// restore loads the leases from the storage, once in their life. An endpoint that cannot be read
// comes back with its next heartbeat. Until then the list is not authoritative, so that the pool
// delays the loss.
func (l *Leases) restore(ctx context.Context, report discovery.Report) {
	l.restoring.Do(func() {
		defer close(l.restored)
		registrations, err := l.load(ctx)
		l.restoreAll(registrations, err == nil, time.Now())
		if err != nil {
			report(discovery.Answer{Err: err})
		}
	})
}

// restoreAll starts the leases of stored registrations. complete is false if some of them could not
// be read.
func (l *Leases) restoreAll(registrations []Registration, complete bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	source := l.sources[len(l.sources)-1]
	for _, r := range registrations {
		ttl := min(max(time.Duration(r.TTL), minTTL), time.Duration(source.MaxTTL))
		l.setLocked(&lease{r.Info, ttl, now.Add(ttl)})
	}
	if !complete {
		l.uncertainUntil = now.Add(time.Duration(source.DefaultTTL))
	}
}

// load returns the registrations that can be read, and an error if some cannot.
func (l *Leases) load(ctx context.Context) ([]Registration, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storageTimeout)
	defer cancel()
	key := storageKey(l.pool)
	data, err := discovery.StorageOf(ctx).Load(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	var entries []json.RawMessage
	if err == nil {
		err = json.Unmarshal(data, &entries)
	}
	if err != nil {
		return nil, fmt.Errorf("what is registered cannot be read from the storage: %s: %w; it starts empty", key, err)
	}
	var registrations []Registration
	for i, entry := range entries {
		r, mistake := DecodeRegistration(entry)
		if mistake == nil {
			mistake = r.checkID()
		}
		if mistake != nil {
			err = fmt.Errorf("what is registered cannot all be read from the storage: %s: entry %d: %w",
				key, i+1, mistake)
			continue
		}
		registrations = append(registrations, r)
	}
	return registrations, err
}

// saveChanges writes the leases to the storage a moment after each change, and when ctx ends.
func (l *Leases) saveChanges(ctx context.Context, failures chan<- error) {
	for pause := saveDelay; l.awaitUnsaved(ctx); {
		discovery.Sleep(ctx, pause)
		pause = saveDelay
		if err := l.save(ctx); err != nil {
			pause = saveRetryPause
			select {
			case failures <- err:
			default: // an older error is still waiting to be reported
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// awaitUnsaved waits for a change that is not saved. It returns false if ctx ends before that.
func (l *Leases) awaitUnsaved(ctx context.Context) bool {
	for {
		version, changed, saved := l.versions()
		if version != saved {
			return true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return false
		}
	}
}

func (l *Leases) versions() (version int, changed <-chan struct{}, saved int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.version, l.changed, l.saved
}

// save writes all leases. The mutex saving admits one source at a time, so that an old list never
// overwrites a newer one.
func (l *Leases) save(ctx context.Context) error {
	l.saving.Lock()
	defer l.saving.Unlock()
	l.mu.Lock()
	all, version := l.listLocked(), l.version
	l.mu.Unlock()
	for i := range all {
		all[i].Expires = time.Time{}
	}
	data, err := json.Marshal(all)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storageTimeout)
	defer cancel()
	if err := discovery.StorageOf(ctx).Store(ctx, storageKey(l.pool), data); err != nil {
		return fmt.Errorf("what is registered cannot be written to the storage: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.saved = version
	return nil
}
