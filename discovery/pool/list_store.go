package pool

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"path"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/signal"
)

const (
	// writeDelay is the time from a change to its write, so that changes of several sources at the
	// same moment are written together.
	writeDelay = time.Second

	// writeInterval is the minimum time between two writes, also after one that failed. A crash in
	// between loses changes of the last few seconds, and the list before them serves as well.
	writeInterval = 10 * time.Second

	// flushTimeout is how long the end of a pool may wait for its last write.
	flushTimeout = time.Second
)

// listStore keeps the last good list of each source in Caddy's storage, so that Caddy can start
// while a registry is down. It never blocks its callers, because storage may be a remote database:
// one goroutine writes, and each read has its own.
type listStore struct {
	pool    string
	storage func() certmagic.Storage
	log     func() *zap.Logger

	changed signal.Signal
	outage  outage // owned by run

	mu      sync.Mutex
	unsaved map[string]*pendingList // by the key of the source
}

// pendingList is a list that is not written yet.
type pendingList struct {
	list []discovery.Endpoint
	at   time.Time
}

func newListStore(pool string, storage func() certmagic.Storage, log func() *zap.Logger) *listStore {
	return &listStore{
		pool: pool, storage: storage, log: log,
		changed: signal.New(), unsaved: make(map[string]*pendingList),
	}
}

// put schedules the write of a list. A later list of the same source replaces one that is not
// written yet.
func (s *listStore) put(key string, list []discovery.Endpoint, at time.Time) {
	s.mu.Lock()
	s.unsaved[key] = &pendingList{list, at}
	s.mu.Unlock()
	s.changed.Set()
}

// run writes lists until ctx ends, and then the lists that are left.
func (s *listStore) run(ctx context.Context) {
	for s.awaitChange(ctx) && discovery.Sleep(ctx, writeDelay) {
		if !s.save(ctx) {
			s.changed.Set()
		}
		if !discovery.Sleep(ctx, writeInterval-writeDelay) {
			break
		}
	}
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	s.save(flush)
}

func (s *listStore) awaitChange(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-s.changed.C():
		return true
	}
}

// save writes the lists that are not written yet, and reports whether it wrote all of them.
func (s *listStore) save(ctx context.Context) (done bool) {
	s.mu.Lock()
	unsaved := maps.Clone(s.unsaved)
	s.mu.Unlock()
	for key, p := range unsaved {
		if err := s.write(ctx, key, p); err != nil {
			if s.outage.begin(err, time.Now()) {
				s.log().Error("storing the last good list failed", zap.String("key", s.path(key)), zap.Error(err))
			}
			return false
		}
	}
	if lasted, ended := s.outage.end(time.Now()); ended && len(unsaved) > 0 {
		s.log().Info("storing the last good list works again", zap.Duration("after", lasted))
	}
	return true
}

func (s *listStore) write(ctx context.Context, key string, p *pendingList) error {
	data, err := encodeRecord(p.list, p.at)
	if err != nil {
		return err
	}
	if err := s.storage().Store(ctx, s.path(key), data); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.unsaved[key] == p { // a newer list may have arrived during the write
		delete(s.unsaved, key)
	}
	return nil
}

// read returns the stored list of a source, or nil if there is none or it is not usable. It may
// block for as long as storage does. limit is the maximum number of endpoints.
func (s *listStore) read(ctx context.Context, key string, limit int) (list []discovery.Endpoint, at time.Time) {
	data, err := s.storage().Load(ctx, s.path(key))
	if err == nil {
		list, at, err = decodeRecord(data, limit)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
		s.log().Error("stored list is not usable", zap.String("key", s.path(key)), zap.Error(err))
	}
	return list, at
}

// path returns the storage key of a source's list. The hash alone tells pools apart; the name of
// the pool is there for people.
func (s *listStore) path(key string) string {
	const maxName = 64 // file systems allow 255 bytes
	name := new(certmagic.KeyBuilder).Safe(s.pool)
	return path.Join("balance/pools", name[:min(len(name), maxName)], key+".json")
}
