package discovery

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
)

// LoadRecord loads a record, unless the storage says that it has more than limit bytes. Storage may
// be shared, and its Load reads a record of any size.
func LoadRecord(ctx context.Context, storage certmagic.Storage, key string, limit int64) ([]byte, error) {
	if info, err := storage.Stat(ctx, key); err == nil && info.Size > limit {
		return nil, fmt.Errorf("has %d bytes; expected at most %d", info.Size, limit)
	}
	return storage.Load(ctx, key)
}

// StoreRecord stores a record. Of several writes of one record the one that began last wins, also
// if one before it hung, was given up, and ends late: the last one is then made again.
func StoreRecord(ctx context.Context, storage certmagic.Storage, key string, data []byte) error {
	mine := recordWrite{storage: storage, data: data}
	number := recordWrites.begin(key, mine)
	err := storage.Store(ctx, key, data)
	for {
		newest, latest, overtaken := recordWrites.end(key, number)
		if !overtaken {
			return err
		}
		number = latest
		again, cancel := context.WithTimeout(context.WithoutCancel(ctx), rewriteTimeout)
		_ = newest.storage.Store(again, key, newest.data) // its own writer reports errors and tries again
		cancel()
	}
}

// rewriteTimeout is the maximum time of a write that is made again.
const rewriteTimeout = 10 * time.Second

// recordWrites are the writes of this process that have not ended. They outlive the config that
// began them.
var recordWrites = writes{byKey: make(map[string]*runningWrites)}

type writes struct {
	mu    sync.Mutex
	byKey map[string]*runningWrites
}

// runningWrites are the writes of one record.
type runningWrites struct {
	running int
	began   int // the number of writes, also of those that have ended
	newest  recordWrite
}

type recordWrite struct {
	storage certmagic.Storage
	data    []byte
}

// begin counts a write, and returns its number.
func (w *writes) begin(key string, newest recordWrite) (number int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.byKey[key]
	if r == nil {
		r = new(runningWrites)
		w.byKey[key] = r
	}
	r.running++
	r.began++
	r.newest = newest
	return r.began
}

// end ends a write, unless another began after it and may have ended before it.
func (w *writes) end(key string, number int) (newest recordWrite, latest int, overtaken bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r := w.byKey[key]
	if number < r.began {
		return r.newest, r.began, true
	}
	if r.running--; r.running == 0 {
		delete(w.byKey, key)
	}
	return recordWrite{}, number, false
}
