package registry

import (
	"context"
	"errors"
	"io/fs"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/certmagic"

	"github.com/caddy-balance/caddy-balance/discovery"
)

// shelf is a storage that counts what is written, and fails on demand.
type shelf struct {
	certmagic.Storage
	mu     sync.Mutex
	texts  map[string]string
	writes int
	broken error
}

func newShelf() *shelf { return &shelf{texts: make(map[string]string)} }

func (s *shelf) Load(_ context.Context, key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text, ok := s.texts[key]
	switch {
	case s.broken != nil:
		return nil, s.broken
	case !ok:
		return nil, fs.ErrNotExist
	}
	return []byte(text), nil
}

func (s *shelf) Store(_ context.Context, key string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken != nil {
		return s.broken
	}
	s.writes++
	s.texts[key] = string(value)
	return nil
}

func (s *shelf) breaks(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.broken = err
}

func (s *shelf) text(key string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.texts[key]
}

func (s *shelf) written() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.writes
}

// clerk is a registry source at work in a bubble.
type clerk struct {
	t       *testing.T
	leases  *Leases
	mu      sync.Mutex
	answers []discovery.Answer
	errors  []string
	stop    func()
}

// employ runs a source until the test ends or stop is called.
func employ(t *testing.T, storage certmagic.Storage, options Source) *clerk {
	t.Helper()
	options.pool = "web"
	if err := options.check(); err != nil {
		t.Fatal(err)
	}
	options.leases = registries.open("web")
	ctx, cancel := context.WithCancel(discovery.WithStorage(context.Background(), func() certmagic.Storage { return storage }))
	c := &clerk{t: t}
	done := make(chan struct{})
	go func() {
		defer close(done)
		options.Run(ctx, c.take)
	}()
	c.stop = sync.OnceFunc(func() { cancel(); <-done; options.Cleanup() })
	t.Cleanup(c.stop)
	c.leases = LeasesOf(ctx, "web")
	time.Sleep(time.Millisecond) // until the first list
	return c
}

func (c *clerk) take(a discovery.Answer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a.Err != nil {
		c.errors = append(c.errors, a.Err.Error())
	} else {
		c.answers = append(c.answers, a)
	}
}

// told is every list so far.
func (c *clerk) told() []discovery.Answer {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.answers)
}

func (c *clerk) last() discovery.Answer {
	all := c.told()
	return all[len(all)-1]
}

// put registers as the admin API does.
func (c *clerk) put(id, body string) (isNew bool, err error) {
	r, err := DecodeRegistration([]byte(body))
	if err == nil {
		err = r.Identify(id)
	}
	if err == nil {
		_, isNew, err = c.leases.Register(r, time.Now())
	}
	return isNew, err
}

func (c *clerk) must(id, body string) {
	c.t.Helper()
	if _, err := c.put(id, body); err != nil {
		c.t.Fatal(err)
	}
}

// pass lets time go by, and says how many lists were reported meanwhile.
func (c *clerk) pass(d time.Duration) (lists int) {
	before := len(c.told())
	time.Sleep(d)
	synctest.Wait()
	return len(c.told()) - before
}

// wants says what the newest list must be.
func (c *clerk) wants(want string) {
	c.t.Helper()
	c.pass(2 * minReportInterval)
	if got := sortedAddresses(c.last().Endpoints); got != want {
		c.t.Errorf("the list is %q, want %q", got, want)
	}
}

func (c *clerk) wantsError(want string) {
	c.t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.errors) != 1 || !strings.Contains(c.errors[0], want) {
		c.t.Errorf("errors are %q, want one of %q", c.errors, want)
	}
}

var errShelf = errors.New("storage is down")

const second = caddy.Duration(time.Second)
