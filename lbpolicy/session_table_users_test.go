package lbpolicy

import (
	"testing"
	"time"
)

func TestPoliciesThatShareATableHaveTheLongestTimeAndTheLargestSize(t *testing.T) {
	of := tableOwner{pool: "shared", list: "pool shared", carrier: "client_ip"}
	now := time.Unix(1_000_000, 0)
	users := make(map[string]*StickyMemory)
	leave := make(map[string]func())
	join := func(name string, size int, ttl time.Duration) {
		users[name] = &StickyMemory{}
		users[name].table, leave[name] = acquireSessionTable(of, size, ttl)
	}
	bounds := func(when string, size int, ttl time.Duration) {
		t.Helper()
		table := users["long"].table
		if got := table.SessionCounts(now).Limit; got != size || table.lifetime() != ttl {
			t.Errorf("%s: %d sessions for %v, want %d for %v", when, got, table.lifetime(), size, ttl)
		}
	}
	join("long", 1000, time.Hour)
	join("large", 5000, time.Minute)
	bounds("both", 5000, time.Hour)

	users["long"].put(session{token: "a"}, now, keyNumber(1))
	now = now.Add(30 * time.Minute)
	if s, ok := users["large"].get(keyNumber(1), now, false); !ok || s.token != "a" {
		t.Errorf("the policy with the shorter time has %+v, %v", s, ok)
	}
	if _, ok := users["long"].get(keyNumber(1), now, false); !ok {
		t.Error("the policy with the shorter time has ended the session of the other one")
	}

	join("of a config that fails to load", 9000, 2*time.Hour)
	bounds("while it loads", 9000, 2*time.Hour)
	leave["of a config that fails to load"]()
	bounds("after it has failed", 5000, time.Hour)

	leave["large"]()
	bounds("one left", 1000, time.Hour)
	leave["long"]()
}
