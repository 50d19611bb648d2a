package pool

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/bounded"
	"github.com/caddy-balance/caddy-balance/internal/signal"
)

const (
	// writeDelay is the time from a change to its write, so that changes of several sources at the
	// same moment are written together.
	writeDelay = time.Second

	// writeInterval is the minimum time between two writes, also after one that failed. A crash in
	// between loses changes of the last few seconds, and the list before them serves as well.
	writeInterval = 10 * time.Second

	// writeTimeout and readTimeout are the maximum times of a call of the storage.
	writeTimeout = 10 * time.Second
	readTimeout  = time.Minute

	// flushTimeout is how long the end of a pool may wait for its last write.
	flushTimeout = time.Second
)

// listStore keeps the last good list of each source in Caddy's storage, so that Caddy can start
// while a registry is down. It never blocks its callers, because storage may be a remote database:
// one goroutine writes, and each read has its own. A call that does not return is abandoned.
type listStore struct {
	origin  func(source string) (discovery.Origin, error)
	storage func() certmagic.Storage
	log     func() *zap.Logger
	records *records

	changed signal.Signal
	writes  bounded.Caller // owned by run, as is outage
	outage  outage
	hangs   sync.Once // one line for all reads that hang

	mu      sync.Mutex
	lists   map[string]*pendingList // the latest of each source, by the key of the source
	unsaved map[string]*pendingList // those of them that are not written yet
}

// pendingList is a list to be written.
type pendingList struct {
	ref  sourceRef
	list []discovery.Endpoint
	at   time.Time
}

func newListStore(
	s followSettings, origin func(string) (discovery.Origin, error),
	storage func() certmagic.Storage, log func() *zap.Logger,
) *listStore {
	return &listStore{
		origin: origin, storage: storage, log: log, records: s.records, changed: signal.New(),
		lists: make(map[string]*pendingList), unsaved: make(map[string]*pendingList),
	}
}

// put schedules the write of a list. A later list of the same source replaces one that is not
// written yet.
func (s *listStore) put(ref sourceRef, list []discovery.Endpoint, at time.Time) {
	p := &pendingList{ref, list, at}
	s.mu.Lock()
	s.lists[ref.key], s.unsaved[ref.key] = p, p
	s.mu.Unlock()
	s.changed.Set()
}

// run writes lists until ctx ends, and then the lists that are left.
func (s *listStore) run(ctx context.Context) {
	upkeep := time.NewTimer(firstUpkeep)
	defer upkeep.Stop()
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-upkeep.C:
			s.keepUp(ctx)
			upkeep.Reset(upkeepInterval)
		case <-s.changed.C():
			if discovery.Sleep(ctx, writeDelay) && !s.save(ctx, writeTimeout) {
				s.changed.Set()
			}
			discovery.Sleep(ctx, writeInterval-writeDelay)
		}
	}
	s.save(context.WithoutCancel(ctx), flushTimeout)
}

// keepUp has all lists written again, which shows that they are in use, and deletes the records
// that are not.
func (s *listStore) keepUp(ctx context.Context) {
	s.mu.Lock()
	maps.Copy(s.unsaved, s.lists)
	s.mu.Unlock()
	s.changed.Set()
	if !s.records.sweepIsDue(time.Now()) {
		return
	}
	err := s.writes.Call(ctx, sweepTimeout, func(ctx context.Context) error {
		return sweep(ctx, s.storage(), time.Now())
	})
	if err != nil && ctx.Err() == nil {
		s.log().Warn("unused stored lists cannot be removed", zap.Error(err))
	}
}

// save writes the lists that are not written yet, and reports whether it wrote all of them.
func (s *listStore) save(ctx context.Context, limit time.Duration) (done bool) {
	s.mu.Lock()
	unsaved := maps.Clone(s.unsaved)
	s.mu.Unlock()
	for key, p := range unsaved {
		if err := s.write(ctx, limit, key, p); err != nil {
			if s.outage.begin(err, time.Now()) {
				s.log().Error("storing the last good list failed",
					zap.String("source", p.ref.name), zap.Int("position", p.ref.position), zap.Error(err))
			}
			return false
		}
	}
	if lasted, ended := s.outage.end(time.Now()); ended && len(unsaved) > 0 {
		s.log().Info("storing the last good list works again", zap.Duration("after", lasted))
	}
	return true
}

func (s *listStore) write(ctx context.Context, limit time.Duration, key string, p *pendingList) error {
	err := s.writes.Call(ctx, limit, func(ctx context.Context) error {
		origin, err := s.origin(p.ref.name)
		if err != nil {
			return err
		}
		data, err := encodeRecord(origin, p.list, p.at)
		if err != nil {
			return err
		}
		return discovery.StoreRecord(ctx, s.storage(), origin.Key(p.ref.key), data)
	})
	if err != nil {
		return fmt.Errorf("storage: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unsaved[key] == p { // a newer list may have arrived during the write
		delete(s.unsaved, key)
	}
	return nil
}

// read returns the stored list of a source, or nil if there is none or it is not usable. It may
// block for as long as readTimeout. limit is the maximum number of endpoints.
func (s *listStore) read(
	ctx context.Context, ref sourceRef, limit int,
) (list []discovery.Endpoint, at time.Time) {
	var found struct { // not list and at, because an abandoned call may still write them
		list []discovery.Endpoint
		at   time.Time
	}
	var key string
	err := new(bounded.Caller).Call(ctx, readTimeout, func(ctx context.Context) error {
		origin, err := s.origin(ref.name)
		if err != nil {
			return err
		}
		key = origin.Key(ref.key)
		data, err := discovery.LoadRecord(ctx, s.storage(), key, maxRecord)
		if err == nil {
			found.list, found.at, err = decodeRecord(origin, data, limit)
		}
		return err
	})
	switch {
	case err == nil:
		s.mu.Lock()
		s.lists[ref.key] = &pendingList{ref, found.list, found.at}
		s.mu.Unlock()
		return found.list, found.at
	case errors.Is(err, bounded.ErrHangs):
		s.hangs.Do(func() {
			s.log().Error("stored list is not usable", zap.Error(fmt.Errorf("storage: %w", err)))
		})
	case !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil:
		s.log().Error("stored list is not usable", zap.String("key", key), zap.Error(err))
	}
	return nil, time.Time{}
}
