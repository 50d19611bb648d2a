package lbpolicy

import (
	"testing"
	"time"
)

func TestARevertedSessionIsWhereItWasUnlessAnotherRequestReliesOnTheChange(t *testing.T) {
	now := time.Unix(1_000_000, 0)
	for name, c := range map[string]struct {
		before    string // the endpoint, "" for a newcomer
		meanwhile func(*sessionTable, sessionKey)
		want      string
	}{
		"a newcomer": {"", func(*sessionTable, sessionKey) {}, ""},
		"a session":  {"a", func(*sessionTable, sessionKey) {}, "a"},
		"a newcomer that others met": {"", func(t *sessionTable, k sessionKey) {
			t.get(k, time.Hour, now, true)
		}, "b"},
		"a session that was looked at": {"a", func(t *sessionTable, k sessionKey) {
			t.get(k, time.Hour, now, false)
		}, "a"},
		"a session that has moved on": {"a", func(t *sessionTable, k sessionKey) {
			t.put(k, session{token: "c"}, time.Hour, now)
		}, "c"},
		"a session that is forgotten": {"a", func(t *sessionTable, k sessionKey) {
			p := t.part(k)
			p.remove(p.byKey[k])
		}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			table := newSessionTable("", "")
			table.join(tableUser{100, time.Hour})
			k := table.keyOf("4f2a")
			if c.before != "" {
				table.put(k, session{token: c.before}, time.Hour, now)
			}
			m := &StickyMemory{table: table}
			change := m.put(session{token: "b"}, now, k)
			change.Commit()
			c.meanwhile(table, k)
			change.Revert()
			change.Revert() // a second time is nothing
			if s, _ := table.get(k, time.Hour, now, false); s.token != c.want {
				t.Errorf("the session is at %q, want %q", s.token, c.want)
			}
			if n := table.SessionsAt("b", now); (n == 1) != (c.want == "b") {
				t.Errorf("%d sessions are counted at b", n)
			}
		})
	}
}
