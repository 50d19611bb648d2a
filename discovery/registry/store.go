package registry

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/bounded"
	"github.com/caddy-balance/caddy-balance/internal/jsonlist"
)

const (
	// saveDelay is the time from a change to its write, so that the changes of one deployment
	// become a few writes.
	saveDelay = time.Second

	// saveRetryPause is the pause after a failed write.
	saveRetryPause = time.Minute

	// renewInterval is how often the record is written again without a change. Its age tells that
	// it is in use; the pool deletes old records.
	renewInterval = 24 * time.Hour

	// storageTimeout is the maximum time of a call of the storage, and flushTimeout that of the
	// last one, for which the end of a config waits.
	storageTimeout = 5 * time.Second
	flushTimeout   = time.Second
)

// record is what the storage has of a pool.
type record struct {
	From          discovery.Origin `json:"from"`
	Registrations json.RawMessage  `json:"registrations"` // a list
}

// restore loads the leases from the storage, once in their life. An endpoint that cannot be read
// comes back with its next heartbeat. Until then the list is not authoritative, so that the pool
// delays the loss.
func (l *Leases) restore(ctx context.Context, report discovery.Report) {
	l.restoring.Do(func() {
		defer close(l.restored)
		registrations, err := l.load(ctx, l.maxEndpoints())
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
		if l.hasRoomLocked(source, &r.Info) != nil {
			complete = false
			continue
		}
		ttl := min(max(time.Duration(r.TTL), minTTL), time.Duration(source.MaxTTL))
		l.setLocked(&lease{r.Info, ttl, now.Add(ttl)})
	}
	if !complete {
		l.uncertainUntil = now.Add(time.Duration(source.DefaultTTL))
	}
}

func (l *Leases) maxEndpoints() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sources[len(l.sources)-1].MaxEndpoints
}

// load returns the registrations that can be read, up to a limit, and an error if some cannot.
func (l *Leases) load(ctx context.Context, limit int) ([]Registration, error) {
	var stored record // unused after an error, because a call that hangs may still write it
	err := new(bounded.Caller).Call(ctx, storageTimeout, func(ctx context.Context) (err error) {
		stored, err = readRecord(ctx)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("what is registered cannot be read from the storage: %w; it starts empty", err)
	}
	registrations, err := decodeAll(stored.Registrations, limit)
	if err != nil {
		err = fmt.Errorf("what is registered cannot all be read from the storage: %w", err)
	}
	return registrations, err
}

// decodeAll returns the registrations of a list that can be read, and the last error about others.
func decodeAll(list []byte, limit int) (all []Registration, err error) {
	if len(list) == 0 {
		return nil, nil
	}
	read, size := 0, 0
	end := jsonlist.Each(bytes.NewReader(list), limit, func(entry []byte) error {
		read++
		r, mistake := DecodeRegistration(entry)
		if mistake == nil {
			mistake = r.checkID()
		}
		if mistake != nil {
			err = fmt.Errorf("entry %d: %w", read, mistake)
			return nil
		}
		if size += sizeOf(&r.Info); size > max(minSize, sizePerEndpoint*limit) {
			return ErrTooLarge
		}
		all = append(all, r)
		return nil
	})
	return all, cmp.Or(end, err)
}

func readRecord(ctx context.Context) (r record, err error) {
	origin, err := discovery.OriginOf(ctx)
	if err != nil {
		return r, err
	}
	key := origin.Key("")
	data, err := discovery.LoadRecord(ctx, discovery.StorageOf(ctx), key, maxRecord)
	if errors.Is(err, fs.ErrNotExist) {
		return r, nil
	}
	if err == nil {
		err = json.Unmarshal(data, &r)
	}
	if err == nil && r.From != origin {
		err = fmt.Errorf("from: is %+v; expected %+v", r.From, origin)
	}
	if err != nil {
		return r, fmt.Errorf("%s: %w", key, err)
	}
	return r, nil
}

// saveChanges writes the leases to the storage a moment after each change, and when ctx ends.
func (l *Leases) saveChanges(ctx context.Context, failures chan<- error) {
	for pause := saveDelay; l.awaitUnsaved(ctx); {
		if !discovery.Sleep(ctx, pause) {
			break
		}
		pause = saveDelay
		if err := l.save(ctx, storageTimeout); err != nil {
			pause = saveRetryPause
			select {
			case failures <- err:
			default: // an older error is still waiting to be reported
			}
		}
	}
	if version, _, saved := l.versions(); version != saved {
		_ = l.save(context.WithoutCancel(ctx), flushTimeout) // at the end no request can be told of an error
	}
}

// awaitUnsaved waits for a change that is not saved, or until it is time to write all the same. It
// returns false if ctx ends before that.
func (l *Leases) awaitUnsaved(ctx context.Context) bool {
	renew := time.After(renewInterval)
	for {
		version, changed, saved := l.versions()
		if version != saved {
			return true
		}
		select {
		case <-changed:
		case <-renew:
			return true
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
func (l *Leases) save(ctx context.Context, limit time.Duration) error {
	l.saving.Lock()
	defer l.saving.Unlock()
	l.mu.Lock()
	all, version := l.listLocked(), l.version
	l.mu.Unlock()
	err := l.writes.Call(ctx, limit, func(ctx context.Context) error { return writeRecord(ctx, all) })
	if err != nil {
		return fmt.Errorf("what is registered cannot be written to the storage: %w", err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.saved = version
	return nil
}

func writeRecord(ctx context.Context, all []Registration) error {
	origin, err := discovery.OriginOf(ctx)
	if err != nil {
		return err
	}
	for i := range all {
		all[i].Expires = time.Time{}
	}
	list, err := json.Marshal(all)
	if err != nil {
		return err
	}
	data, err := json.Marshal(record{From: origin, Registrations: list})
	if err != nil {
		return err
	}
	return discovery.StoreRecord(ctx, discovery.StorageOf(ctx), origin.Key(""), data)
}
