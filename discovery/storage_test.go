package discovery

import (
	"context"
	"io/fs"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"
)

// memoryStorage is Caddy's storage as far as a pool knows it.
type memoryStorage struct {
	certmagic.Storage // nil: whoever asks for more panics

	mu     sync.Mutex
	files  map[string][]byte
	stores int
	fails  error
	takes  time.Duration
}

func newMemoryStorage() *memoryStorage { return &memoryStorage{files: make(map[string][]byte)} }

func (s *memoryStorage) Store(ctx context.Context, key string, value []byte) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stores++
	s.files[key] = value
	return nil
}

func (s *memoryStorage) Load(ctx context.Context, key string) ([]byte, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value, ok := s.files[key]; ok {
		return value, nil
	}
	return nil, fs.ErrNotExist
}

func (s *memoryStorage) wait(ctx context.Context) error {
	s.mu.Lock()
	takes, fails := s.takes, s.fails
	s.mu.Unlock()
	if takes > 0 && !rest(ctx, takes) {
		return ctx.Err()
	}
	return fails
}

// turns makes the storage fail with err, if it is not nil, and take so long.
func (s *memoryStorage) turns(err error, takes time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails, s.takes = err, takes
}

// only is the one file there is.
func (s *memoryStorage) only() (key string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) == 1 {
		for key, value = range s.files {
		}
	}
	return key, value
}

func (s *memoryStorage) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stores
}
