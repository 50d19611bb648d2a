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
	// saveDelay makes the changes of one deployment a few writes.
	saveDelay = time.Second

	// saveAgain is the pause after a write that failed.
	saveAgain = time.Minute

	// storageLimit is how long the end of a config waits for a storage that hangs.
	storageLimit = 5 * time.Second
)

// registryKey is where the leases of a pool are stored. Names that a key cannot have are made
// different by their hash.
func registryKey(pool string) string {
	safe, file := certmagic.StorageKeys.Safe(pool), "registry.json"
	if safe != pool {
		file = fmt.Sprintf("registry-%x.json", xxhash.Sum64String(pool))
	}
	return path.Join("balance", "pools", safe, file)
}

// restore puts what the storage has into force, once in the life of the leases. What it cannot read comes
// back with its next heartbeat; until then nobody who is missing was taken away on purpose.
func (l *Leases) restore(ctx context.Context, report discovery.Report) {
	l.restoring.Do(func() {
		defer close(l.restored)
		registrations, err := l.load(ctx)
		l.putBack(registrations, err == nil, time.Now())
		if err != nil {
			report(discovery.Answer{Err: err})
		}
	})
}

func (l *Leases) putBack(registrations []Registration, all bool, now time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	source := l.sources[len(l.sources)-1]
	for _, r := range registrations {
		ttl := min(max(time.Duration(r.TTL), leastTTL), time.Duration(source.MaxTTL))
		l.putLocked(&lease{r.Info, ttl, now.Add(ttl)})
	}
	if !all {
		l.certain = now.Add(time.Duration(source.DefaultTTL))
	}
}

// load returns what can be read, and an error if that is not all.
func (l *Leases) load(ctx context.Context) ([]Registration, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storageLimit)
	defer cancel()
	key := registryKey(l.pool)
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
			err = fmt.Errorf("what is registered cannot all be read from the storage: %s: entry %d: %w", key, i+1, mistake)
			continue
		}
		registrations = append(registrations, r)
	}
	return registrations, err
}

// keepSaved writes the leases to the storage a while after each change, and at the end.
func (l *Leases) keepSaved(ctx context.Context, failures chan<- error) {
	for pause := saveDelay; l.awaitUnsaved(ctx); {
		discovery.Sleep(ctx, pause)
		pause = saveDelay
		if err := l.save(ctx); err != nil {
			pause = saveAgain
			select {
			case failures <- err:
			default: // one that was not told yet is enough
			}
		}
		if ctx.Err() != nil {
			return
		}
	}
}

// awaitUnsaved reports whether there is something to save, and waits for it as long as ctx lasts.
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

// save is only done by one source at a time, so that an old list never follows a new one.
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
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), storageLimit)
	defer cancel()
	if err := discovery.StorageOf(ctx).Store(ctx, registryKey(l.pool), data); err != nil {
		return fmt.Errorf("what is registered cannot be written to the storage: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.saved = version
	return nil
}
