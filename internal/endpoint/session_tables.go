package endpoint

// SessionTable is a table of sessions that a policy keeps. See Keep.
type SessionTable interface{ SessionCounts() SessionCounts }

// SessionCounts say how full a table of sessions is.
type SessionCounts struct {
	// Pool is the name of the pool; empty for static upstreams.
	Pool string `json:"-"`

	// Carrier is the option that keeps the sessions, and the name in it, such as "client_ip" or
	// "learn JSESSIONID".
	Carrier string `json:"carrier"`

	// Sessions is the number of sessions, some of which may be over.
	Sessions int `json:"sessions"`

	// Limit is the maximum number of sessions.
	Limit int `json:"limit"`

	// Evicted is the number of sessions that were forgotten before their time, because the table
	// was full.
	Evicted uint64 `json:"evicted"`
}

// EachSessionTable calls f for each table, in no order.
func EachSessionTable(f func(SessionCounts)) {
	EachKept(func(t SessionTable) { f(t.SessionCounts()) })
}
