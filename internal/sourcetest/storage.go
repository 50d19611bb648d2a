package sourcetest

import (
	"context"
	"io/fs"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// memoryStorage is Caddy's storage as far as a pool knows it.
type Storage struct {
	certmagic.Storage // nil: whoever asks for more panics

	mu     sync.Mutex
	Files  map[string][]byte
	stores int
	fails  error
	takes  time.Duration
}

func NewStorage() *Storage { return &Storage{Files: make(map[string][]byte)} }

func (s *Storage) Store(ctx context.Context, key string, value []byte) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stores++
	s.Files[key] = value
	return nil
}

func (s *Storage) Load(ctx context.Context, key string) ([]byte, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value, ok := s.Files[key]; ok {
		return value, nil
	}
	return nil, fs.ErrNotExist
}

func (s *Storage) wait(ctx context.Context) error {
	s.mu.Lock()
	takes, fails := s.takes, s.fails
	s.mu.Unlock()
	if takes > 0 && !discovery.Sleep(ctx, takes) {
		return ctx.Err()
	}
	return fails
}

// turns makes the storage fail with err, if it is not nil, and take so long.
func (s *Storage) Turns(err error, takes time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails, s.takes = err, takes
}

// only is the one file there is.
func (s *Storage) Only() (key string, value []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.Files) == 1 {
		for key, value = range s.Files {
		}
	}
	return key, value
}

func (s *Storage) Written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.stores
}
