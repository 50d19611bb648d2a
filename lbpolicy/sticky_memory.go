package lbpolicy

import (
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
	"go.uber.org/zap"

	"github.com/caddy-balance/caddy-balance/caddyfile"
	"github.com/caddy-balance/caddy-balance/internal/attempt"
	"github.com/caddy-balance/caddy-balance/internal/options"
)

// StickyMemory is the settings of sessions that the proxy itself remembers, for a time and in
// bounded memory. A reload keeps them, and a restart forgets them. Other proxies do not know them.
type StickyMemory struct {
	// How long a session is remembered after its last request, from `1s`. Of reverse proxies that
	// share sessions, the longest time holds for all. Default: 30m.
	TTL caddy.Duration `json:"ttl,omitempty"`

	// The maximum number of sessions, up to 10000000. Beyond it, the one that has been idle for the
	// longest is forgotten, and first those that had one request only. A session takes about 200
	// bytes. Of reverse proxies that share sessions, the largest size holds for all. Default:
	// 100000.
	Size int `json:"size,omitempty"`

	table *sessionTable
	log   *zap.Logger
	said  atomic.Int64 // when the log last said that the table is full, as a Unix time
}

const (
	defaultTTL  = 30 * time.Minute
	defaultSize = 100_000
	maxSize     = 10_000_000

	// fullPause is the minimum time between two log lines about a full table.
	fullPause = 10 * time.Minute
)

func (m *StickyMemory) options() []caddyfile.Param {
	return []caddyfile.Param{
		caddyfile.DurationFrom("ttl", &m.TTL, time.Second),
		caddyfile.Int("size", &m.Size, 1, maxSize),
	}
}

func (m *StickyMemory) check() error {
	if err := options.AtLeastOrZero("ttl", m.TTL, time.Second); err != nil {
		return err
	}
	if m.TTL == 0 {
		m.TTL = caddy.Duration(defaultTTL)
	}
	return within("size", &m.Size, maxSize, defaultSize)
}

// within checks a number from 1 to most, and sets the default in place of 0.
func within(name string, value *int, most, standard int) error {
	if *value == 0 {
		*value = standard
	}
	if *value < 0 || *value > most {
		return fmt.Errorf("%s: %d is not between 1 and %d", name, *value, most)
	}
	return nil
}

// acquire finds or makes the table, which it uses until release is called.
func (m *StickyMemory) acquire(of tableOwner, log *zap.Logger) (release func()) {
	m.log = log
	m.table, release = acquireSessionTable(of, m.Size, time.Duration(m.TTL))
	return release
}

// get returns the session of a key. It is idle from now on if seen is true.
func (m *StickyMemory) get(k sessionKey, now time.Time, seen bool) (s session, ok bool) {
	return m.table.get(k, m.table.lifetime(), now, seen)
}

// put remembers a session by each of the keys, at once: of several requests that begin it side by
// side, all go to one endpoint.
func (m *StickyMemory) put(s session, now time.Time, keys ...sessionKey) attempt.Change {
	c := &tableChange{table: m.table, sessions: make([]changedSession, len(keys))}
	for i, k := range keys {
		var full bool
		c.sessions[i], full = m.table.begin(k, s, m.table.lifetime(), now)
		m.sayIfFull(full, now)
	}
	return c
}

// add remembers a session that an endpoint has begun, unless the key has one.
func (m *StickyMemory) add(k sessionKey, s session, now time.Time) {
	m.sayIfFull(m.table.add(k, s, m.table.lifetime(), now), now)
}

func (m *StickyMemory) sayIfFull(full bool, now time.Time) {
	if !full {
		return
	}
	if last := m.said.Load(); now.Sub(time.Unix(last, 0)) > fullPause && m.said.CompareAndSwap(last, now.Unix()) {
		m.log.Warn("table of sticky sessions is full, and sessions in use are forgotten",
			zap.Int64("size", m.table.limit.Load()), zap.Int64("forgotten", m.table.evicted.Load()))
	}
}

func (m *StickyMemory) memory() *StickyMemory              { return m }
func (*StickyMemory) isTimed() bool                        { return true }
func (*StickyMemory) handsOut() bool                       { return false }
func (*StickyMemory) renew(*session, time.Time) (due bool) { return false }
func (*StickyMemory) takeBack(http.ResponseWriter)         {}
