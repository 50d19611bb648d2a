package sourcetest

import (
	"context"
	"io/fs"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// Storage is Caddy's storage in memory. It can only load and store; every other method panics.
type Storage struct {
	certmagic.Storage // nil

	mu     sync.Mutex
	files  map[string]string
	writes int
	err    error
	delay  time.Duration
}

// NewStorage returns an empty storage.
func NewStorage() *Storage { return &Storage{files: make(map[string]string)} }

// Store implements certmagic.Storage.
func (s *Storage) Store(ctx context.Context, key string, value []byte) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	s.files[key] = string(value)
	return nil
}

// Load implements certmagic.Storage.
func (s *Storage) Load(ctx context.Context, key string) ([]byte, error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if value, ok := s.files[key]; ok {
		return []byte(value), nil
	}
	return nil, fs.ErrNotExist
}

func (s *Storage) wait(ctx context.Context) error {
	s.mu.Lock()
	delay, err := s.delay, s.err
	s.mu.Unlock()
	if delay > 0 && !discovery.Sleep(ctx, delay) {
		return ctx.Err()
	}
	return err
}

// Fail makes each further call return err. nil ends that.
func (s *Storage) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
}

// Delay makes each further call take that long.
func (s *Storage) Delay(delay time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.delay = delay
}

// Put stores a file without counting it as written.
func (s *Storage) Put(key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[key] = value
}

// Get returns the content of a file, or "" if there is none.
func (s *Storage) Get(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.files[key]
}

// Only returns the only file, or nothing if there is none or more than one.
func (s *Storage) Only() (key, value string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.files) == 1 {
		for key, value = range s.files {
		}
	}
	return key, value
}

// Writes counts the calls of Store that succeeded.
func (s *Storage) Writes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}
