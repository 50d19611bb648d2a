package endpoint

import (
	"slices"
	"strings"
	"time"
)

// SessionTable is a table of sessions that a policy keeps. See Keep. Sessions whose time is over do
// not count.
type SessionTable interface {
	// SessionPool returns the name of the pool; empty for static upstreams.
	SessionPool() string

	// SessionCounts returns how full the table is.
	SessionCounts(now time.Time) SessionCounts

	// SessionsAt returns the number of sessions of an endpoint, by the key of its Info.
	SessionsAt(key string, now time.Time) int

	// AddSessions adds the number of sessions of each endpoint that has any.
	AddSessions(byKey map[string]int, now time.Time)
}

// SessionCounts say how full a table of sessions is.
type SessionCounts struct {
	// Pool is the name of the pool; empty for static upstreams.
	Pool string `json:"-"`

	// Carrier is the option that keeps the sessions, and the name in it, such as "client_ip" or
	// "learn JSESSIONID".
	Carrier string `json:"carrier"`

	// Sessions is the number of sessions.
	Sessions int `json:"sessions"`

	// Limit is the maximum number of sessions.
	Limit int `json:"limit"`

	// Evicted is the number of sessions that were forgotten before their time, because the table
	// was full.
	Evicted uint64 `json:"evicted"`
}

// EachSessionTable calls f for each table, in no order.
func EachSessionTable(now time.Time, f func(SessionCounts)) {
	EachKept(func(t SessionTable) { f(t.SessionCounts(now)) })
}

// SessionTables are the tables of a pool. Nothing but the proxy knows those sessions: of sessions
// that clients carry there is no table.
type SessionTables []SessionTable

// SessionTablesOf returns the tables of a pool.
func SessionTablesOf(pool string) (all SessionTables) {
	EachKept(func(t SessionTable) {
		if t.SessionPool() == pool {
			all = append(all, t)
		}
	})
	return all
}

// Counts returns how full the tables are, in the order of their carriers.
func (all SessionTables) Counts(now time.Time) (counts []SessionCounts) {
	for _, t := range all {
		counts = append(counts, t.SessionCounts(now))
	}
	slices.SortFunc(counts, func(a, b SessionCounts) int { return strings.Compare(a.Carrier, b.Carrier) })
	return counts
}

// ByKey returns the number of sessions of each endpoint, by the key of its Info.
func (all SessionTables) ByKey(now time.Time) map[string]int {
	byKey := make(map[string]int)
	for _, t := range all {
		t.AddSessions(byKey, now)
	}
	return byKey
}

// At returns the number of sessions of an endpoint.
func (all SessionTables) At(key string, now time.Time) (n int) {
	for _, t := range all {
		n += t.SessionsAt(key, now)
	}
	return n
}
