package lbpolicy

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"sync"
	"sync/atomic"
	"time"

	"github.com/caddyserver/certmagic"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
	"github.com/caddy-balance/caddy-balance/internal/recovered"
)

// storedKeysPath is where Caddy's storage has the keys: one a line in hexadecimal digits, the one
// that makes new tokens first.
const storedKeysPath = "caddy-balance/sticky/keys"

const (
	// keyWait is how long a request waits for the keys. Without them it is a newcomer that gets no
	// cookie, and the session that it may have is left alone.
	keyWait = time.Second
	// keyTimeout is how long the storage may take.
	keyTimeout = 10 * time.Second
	// keyPoll is the time between two looks for the key that another proxy makes.
	keyPoll = 100 * time.Millisecond
	// keyPause is the minimum time between two attempts at a storage that fails.
	keyPause = 5 * time.Second
)

// storedKeys are the keys in one storage. They are made when the first request needs them, so that
// neither a reload nor `caddy validate` waits for the storage.
type storedKeys struct {
	storage certmagic.Storage
	log     *zap.Logger
	ring    atomic.Pointer[keyring]

	mu      sync.Mutex
	loading chan struct{} // closed when the load that runs is over; nil if none runs
	again   time.Time     // when the storage may be asked again
}

// acquireStoredKeys returns the keys in the storage of a config until release is called. They
// outlive a reload.
func acquireStoredKeys(storage certmagic.Storage, log *zap.Logger) (k *storedKeys, release func()) {
	return endpoint.Keep(fmt.Sprintf("keys of sticky in %T %v", storage, storage), func() *storedKeys {
		return &storedKeys{storage: storage, log: log}
	})
}

// await returns the keys, or nil if the storage does not give them in time.
func (k *storedKeys) await(ctx context.Context) keyring {
	if ring := k.ring.Load(); ring != nil {
		return *ring
	}
	done := k.load(time.Now())
	if done == nil {
		return nil
	}
	wait := time.NewTimer(keyWait)
	defer wait.Stop()
	select {
	case <-done:
	case <-ctx.Done():
	case <-wait.C:
	}
	if ring := k.ring.Load(); ring != nil {
		return *ring
	}
	return nil
}

// load starts to read the keys, unless that is under way or has just failed. It returns a channel
// that is closed when it is over, nil if there is nothing to wait for.
func (k *storedKeys) load(now time.Time) <-chan struct{} {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.loading != nil || k.ring.Load() != nil {
		return k.loading
	}
	if now.Before(k.again) {
		return nil
	}
	done := make(chan struct{})
	k.loading = done
	go func() {
		defer close(done)
		ctx, cancel := context.WithTimeout(context.Background(), keyTimeout)
		defer cancel()
		var ring keyring
		err := recovered.Call("the storage", func() (err error) {
			ring, err = readOrMakeKeys(ctx, k.storage)
			return err
		})
		k.mu.Lock()
		defer k.mu.Unlock()
		k.loading = nil
		if err != nil {
			k.again = time.Now().Add(keyPause)
			k.log.Error("keys of sticky sessions cannot be read from the storage, and no session begins until they can",
				recovered.Fields(err)...)
			return
		}
		k.ring.Store(&ring)
	}()
	return done
}

// readOrMakeKeys reads the keys, or makes one. Of several proxies that find none, one makes it.
func readOrMakeKeys(ctx context.Context, s certmagic.Storage) (keyring, error) {
	data, err := s.Load(ctx, storedKeysPath)
	if err == nil {
		return parseKeys(data)
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	// The lock of a file system is tried once a second only, while another proxy makes the key.
	waiting, done := context.WithCancel(ctx)
	defer done()
	go func() {
		if recovered.Do("the storage", func() { awaitKeys(waiting, s) }) == nil {
			done()
		}
	}()
	errLock := s.Lock(waiting, storedKeysPath)
	if errLock == nil {
		defer func() { _ = s.Unlock(context.WithoutCancel(ctx), storedKeysPath) }()
	}
	if data, err = s.Load(ctx, storedKeysPath); err == nil {
		return parseKeys(data)
	}
	if errLock != nil {
		return nil, errLock
	}
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	if err := s.Store(ctx, storedKeysPath, []byte(hex.EncodeToString(key)+"\n")); err != nil {
		return nil, err
	}
	return keyring{key}, nil
}

// awaitKeys returns when the storage has keys, or ctx ends.
func awaitKeys(ctx context.Context, s certmagic.Storage) {
	for ctx.Err() == nil && !s.Exists(ctx, storedKeysPath) {
		select {
		case <-ctx.Done():
		case <-time.After(keyPoll):
		}
	}
}

func parseKeys(data []byte) (ring keyring, err error) {
	for i, line := range bytes.Fields(data) {
		key, err := hex.DecodeString(string(line))
		if err != nil || len(key) < minKeyLength {
			return nil, fmt.Errorf("%s: key %d is not %d hexadecimal digits or more",
				storedKeysPath, i+1, 2*minKeyLength)
		}
		ring = append(ring, key)
	}
	if len(ring) == 0 {
		return nil, fmt.Errorf("%s: is empty; expected a key", storedKeysPath)
	}
	return ring, nil
}

// minKeyLength is the minimum number of bytes of a key, because clients see hashes by it.
const minKeyLength = 16
