package sourcetest

import (
	"context"
	"io/fs"
	"strings"
	"sync"
	"time"

	"github.com/caddyserver/certmagic"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// Storage is Caddy's storage in memory. It has no locks; those methods panic.
type Storage struct {
	certmagic.Storage // nil

	mu       sync.Mutex
	files    map[string]string
	modified map[string]time.Time
	writes   int
	err      error
	delay    time.Duration
	goOn     <-chan struct{} // not nil if calls hang
	hanging  int
}

// NewStorage returns an empty storage.
func NewStorage() *Storage {
	return &Storage{files: make(map[string]string), modified: make(map[string]time.Time)}
}

// Store implements certmagic.Storage.
func (s *Storage) Store(ctx context.Context, key string, value []byte) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.writes++
	s.files[key], s.modified[key] = string(value), time.Now()
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

// Delete implements certmagic.Storage.
func (s *Storage) Delete(ctx context.Context, key string) error {
	if err := s.wait(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.files, key)
	return nil
}

// List implements certmagic.Storage. It is always recursive.
func (s *Storage) List(ctx context.Context, prefix string, _ bool) (keys []string, err error) {
	if err := s.wait(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for key := range s.files {
		if strings.HasPrefix(key, prefix+"/") {
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Stat implements certmagic.Storage.
func (s *Storage) Stat(ctx context.Context, key string) (certmagic.KeyInfo, error) {
	if err := s.wait(ctx); err != nil {
		return certmagic.KeyInfo{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	value, ok := s.files[key]
	if !ok {
		return certmagic.KeyInfo{}, fs.ErrNotExist
	}
	return certmagic.KeyInfo{Key: key, Modified: s.modified[key], Size: int64(len(value)), IsTerminal: true}, nil
}

// Hang makes each further call ignore its context and return when goOn is closed.
func (s *Storage) Hang(goOn <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.goOn = goOn
}

// Hanging returns the number of calls that have hung so far.
func (s *Storage) Hanging() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.hanging
}

func (s *Storage) wait(ctx context.Context) error {
	s.mu.Lock()
	delay, err, goOn := s.delay, s.err, s.goOn
	if goOn != nil {
		s.hanging++
	}
	s.mu.Unlock()
	if goOn != nil {
		<-goOn
	}
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
	s.files[key], s.modified[key] = value, time.Now()
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
