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
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

const (
	// archiveDelay lets what comes together be written together.
	writeDelay = time.Second

	// archiveInterval is the least from one write to the next, also after one that failed. What is lost by a crash
	// in between is a list that is a few seconds younger.
	writeInterval = 10 * time.Second

	// archiveFarewell is how long the end of a pool may wait for what is not written yet.
	flushTimeout = time.Second
)

// archive keeps the last good lists of a pool's sources in Caddy's storage, so that Caddy can start
// while a registry is down. Nothing waits for it: it has a goroutine of its own for writing,
// and who reads does so in another.
type listStore struct {
	pool    string
	storage func() certmagic.Storage
	log     func() *zap.Logger

	changed chan struct{}
	outage  outage // owned by run

	mu      sync.Mutex
	unsaved map[string]*pendingList // by the key of the source
}

// snapshot is a list that is to be written.
type pendingList struct {
	list []listing.Info
	at   time.Time
}

func newListStore(pool string, storage func() certmagic.Storage, log func() *zap.Logger) *listStore {
	return &listStore{pool: pool, storage: storage, log: log, changed: make(chan struct{}, 1), unsaved: make(map[string]*pendingList)}
}

// put has a list written soon.
func (a *listStore) put(key string, list []listing.Info, at time.Time) {
	a.mu.Lock()
	a.unsaved[key] = &pendingList{list, at}
	a.mu.Unlock()
	a.remind()
}

func (a *listStore) remind() {
	select {
	case a.changed <- struct{}{}:
	default:
	}
}

// run writes until ctx ends, and then what is left.
func (a *listStore) run(ctx context.Context) {
	for a.await(ctx) && discovery.Sleep(ctx, writeDelay) {
		if !a.save(ctx) {
			a.remind()
		}
		if !discovery.Sleep(ctx, writeInterval-writeDelay) {
			break
		}
	}
	farewell, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
	defer cancel()
	a.save(farewell)
}

func (a *listStore) await(ctx context.Context) bool {
	select {
	case <-ctx.Done():
		return false
	case <-a.changed:
		return true
	}
}

// save writes what is not written yet, and reports whether nothing is left.
func (a *listStore) save(ctx context.Context) (done bool) {
	a.mu.Lock()
	unsaved := maps.Clone(a.unsaved)
	a.mu.Unlock()
	for key, s := range unsaved {
		if err := a.write(ctx, key, s); err != nil {
			if a.outage.begin(err, time.Now()) {
				a.log().Error("storing the last good list failed", zap.String("key", a.path(key)), zap.Error(err))
			}
			return false
		}
	}
	if lasted, was := a.outage.end(time.Now()); was && len(unsaved) > 0 {
		a.log().Info("storing the last good list works again", zap.Duration("after", lasted))
	}
	return true
}

func (a *listStore) write(ctx context.Context, key string, s *pendingList) error {
	data, err := encodeRecord(s.list, s.at)
	if err != nil {
		return err
	}
	if err := a.storage().Store(ctx, a.path(key), data); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.unsaved[key] == s { // and not a newer one by now
		delete(a.unsaved, key)
	}
	return nil
}

// read returns nil if there is nothing, or nothing to be used.
func (a *listStore) read(ctx context.Context, key string) (list []listing.Info, at time.Time) {
	data, err := a.storage().Load(ctx, a.path(key))
	if err == nil {
		list, at, err = decodeRecord(data)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) && ctx.Err() == nil {
		a.log().Error("the stored list cannot be used", zap.String("key", a.path(key)), zap.Error(err))
	}
	return list, at
}

// path is where the list of a source is. The key alone tells pools apart, the name is for people.
func (a *listStore) path(key string) string {
	const longest = 64 // file systems end at 255
	name := new(certmagic.KeyBuilder).Safe(a.pool)
	return path.Join("balance/pools", name[:min(len(name), longest)], key+".json")
}
