package lbpolicy

import (
	"encoding/binary"
	"sync"
	"testing"
	"time"
)

func keyNumber(i int) (k sessionKey) {
	binary.BigEndian.PutUint64(k[:], uint64(i))
	return k
}

func TestASessionIsRememberedForItsTimeSinceItWasSeen(t *testing.T) {
	table := newSessionTable("", "client_ip")
	table.limit.Store(1000)
	now := time.Unix(1_000_000, 0)
	table.put(keyNumber(1), session{token: aToken}, time.Minute, now)
	for range 3 {
		now = now.Add(time.Minute)
		if s, ok := table.get(keyNumber(1), time.Minute, now, true); !ok || s.token != aToken {
			t.Fatal("forgotten, although it was seen a minute ago")
		}
	}
	now = now.Add(time.Minute + time.Second)
	if _, ok := table.get(keyNumber(1), time.Minute, now, true); ok || table.SessionCounts(now).Sessions != 0 {
		t.Error("remembered for more than a minute")
	}
}

func TestAFullTableForgetsWhatHasBeenIdleForTheLongest(t *testing.T) {
	table := newSessionTable("", "client_ip")
	table.limit.Store(10 * tableParts)
	now := time.Unix(1_000_000, 0)
	for i := range 100 * tableParts {
		table.put(keyNumber(i), session{token: aToken}, time.Hour, now)
		if _, ok := table.get(keyNumber(0), time.Hour, now, true); !ok {
			t.Fatalf("after %d others, a session in use is forgotten", i)
		}
	}
	if n := table.SessionCounts(now).Sessions; n > 10*tableParts || n < 9*tableParts {
		t.Errorf("has %d sessions, and room for %d", n, 10*tableParts)
	}
	if n := table.SessionCounts(now).Evicted; n < 90*tableParts {
		t.Errorf("counted %d sessions that gave way", n)
	}
	for i := range 100 * tableParts { // none of these gives way to another one
		table.put(keyNumber(-1-i), session{token: aToken}, time.Hour, now.Add(2*time.Hour))
	}
	if n := table.SessionCounts(now).Sessions; n > 10*tableParts {
		t.Errorf("has %d sessions", n)
	}
}

func TestATableOfAnySizeHasRoomForAsManySessions(t *testing.T) {
	for _, size := range []int{1, 2, 10, 63, 100, 1000, 10_001} {
		table, now := newSessionTable("", "header"), time.Unix(1_000_000, 0)
		table.limit.Store(int64(size))
		for i := range size {
			table.put(keyNumber(i), session{token: aToken}, time.Hour, now)
		}
		if c := table.SessionCounts(now); c.Sessions != size || c.Evicted != 0 {
			t.Errorf("size %d: after as many sessions, %d are left, and %d gave way", size, c.Sessions, c.Evicted)
		}
		for i := range size {
			table.put(keyNumber(size+i), session{token: aToken}, time.Hour, now)
		}
		if c := table.SessionCounts(now); c.Sessions != size || c.Evicted != uint64(size) {
			t.Errorf("size %d: after twice as many, %d are left, and %d gave way", size, c.Sessions, c.Evicted)
		}
	}
}

func TestASmallTableForgetsWhatHasBeenIdleForTheLongestInAnyPart(t *testing.T) {
	table, now := newSessionTable("", "header"), time.Unix(1_000_000, 0)
	const size = 20
	table.limit.Store(size)
	for i := range 10 * size {
		now = now.Add(time.Second)
		table.put(keyNumber(i), session{token: aToken}, time.Hour, now)
		for old := max(0, i-size+1); old <= i; old++ {
			if _, ok := table.get(keyNumber(old), time.Hour, now, false); !ok {
				t.Fatalf("after %d sessions, number %d is forgotten, and the last %d have room", i+1, old+1, size)
			}
		}
	}
}

func TestInASmallTableSessionsInUseOutliveAFloodOfOthers(t *testing.T) {
	table, now := newSessionTable("", "header"), time.Unix(1_000_000, 0)
	const size = 10
	table.limit.Store(size)
	for i := range size - 1 {
		table.put(keyNumber(i), session{token: aToken}, time.Hour, now)
		table.get(keyNumber(i), time.Hour, now, true)
	}
	for i := range 1000 {
		table.put(keyNumber(size+i), session{token: anotherToken}, time.Hour, now.Add(time.Minute))
	}
	for i := range size - 1 {
		if _, ok := table.get(keyNumber(i), time.Hour, now, false); !ok {
			t.Errorf("session %d, which was used again, is forgotten", i)
		}
	}
}

func TestASmallTableIsBoundedUnderManyRequestsAtOnce(t *testing.T) {
	table, now := newSessionTable("", "header"), time.Unix(1_000_000, 0)
	const size, clients, each = 10, 8, 2000
	table.limit.Store(size)
	var all sync.WaitGroup
	for c := range clients {
		all.Go(func() {
			for i := range each {
				k := keyNumber(c*each + i)
				table.put(k, session{token: aToken}, time.Hour, now)
				table.get(k, time.Hour, now, i%3 == 0)
				table.SessionCounts(now)
			}
		})
	}
	all.Wait()
	c := table.SessionCounts(now)
	if c.Sessions > size+clients || table.length.Load() != int64(c.Sessions) ||
		c.Evicted != uint64(clients*each-c.Sessions) {
		t.Errorf("has %d sessions and counts %d, has room for %d, and %d gave way", c.Sessions, table.length.Load(), size, c.Evicted)
	}
}

func TestATableThatBecomesSmallerForgetsWhatIsBeyond(t *testing.T) {
	table, now := newSessionTable("", "header"), time.Unix(1_000_000, 0)
	table.limit.Store(10_000)
	for i := range 10_000 {
		table.put(keyNumber(i), session{token: aToken}, time.Hour, now)
	}
	table.limit.Store(100)
	for i := range 1000 {
		table.put(keyNumber(-1-i), session{token: aToken}, time.Hour, now)
	}
	if n := table.SessionCounts(now).Sessions; n != 100 {
		t.Errorf("has %d sessions, and room for 100", n)
	}
}

func TestSessionsInUseOutliveAFloodOfOthers(t *testing.T) {
	table := newSessionTable("", "header")
	table.limit.Store(64 * tableParts)
	now := time.Unix(1_000_000, 0)
	const used = 10 * tableParts
	for i := range used {
		table.put(keyNumber(i), session{token: aToken}, time.Hour, now)
		table.get(keyNumber(i), time.Hour, now, true)
	}
	for i := range 1000 * tableParts {
		table.put(keyNumber(used+2*i), session{token: anotherToken}, time.Hour, now)
		table.add(keyNumber(used+2*i+1), session{token: anotherToken}, time.Hour, now)
	}
	for i := range used {
		if s, ok := table.get(keyNumber(i), time.Hour, now, false); !ok || s.token != aToken {
			t.Fatalf("session %d, which was used again, is forgotten", i)
		}
	}
}

func TestATableThatIsFullOfSessionsInUseHasRoomForNewOnes(t *testing.T) {
	table := newSessionTable("", "header")
	table.limit.Store(64 * tableParts)
	now := time.Unix(1_000_000, 0)
	for i := range 100 * tableParts {
		table.put(keyNumber(i), session{token: aToken}, time.Hour, now)
		table.get(keyNumber(i), time.Hour, now, true)
	}
	kept := 0
	for i := range tableParts {
		table.put(keyNumber(-1-i), session{token: aToken}, time.Hour, now)
		if _, ok := table.get(keyNumber(-1-i), time.Hour, now, true); ok {
			kept++
		}
	}
	if kept != tableParts {
		t.Errorf("of %d new sessions %d are remembered", tableParts, kept)
	}
}

func TestWhatAnEndpointSetsAgainStaysWhereItIs(t *testing.T) {
	table, now := newSessionTable("", "learn a"), time.Unix(1_000_000, 0)
	table.limit.Store(1000)
	table.add(keyNumber(1), session{token: "b", home: "a"}, time.Minute, now)
	table.add(keyNumber(1), session{token: "c"}, time.Minute, now)
	if s, _ := table.get(keyNumber(1), time.Minute, now, true); s.token != "b" || s.home != "a" {
		t.Errorf("the session is %+v", s)
	}
	table.add(keyNumber(1), session{token: "c"}, time.Minute, now.Add(time.Hour))
	if s, _ := table.get(keyNumber(1), time.Minute, now.Add(time.Hour), true); s.token != "c" {
		t.Errorf("after its time, the session is %+v", s)
	}
}

func TestALookDoesNotMakeASessionLast(t *testing.T) {
	table, now := newSessionTable("", "header"), time.Unix(1_000_000, 0)
	table.limit.Store(1000)
	table.put(keyNumber(1), session{token: "a"}, time.Minute, now)
	for range 3 {
		now = now.Add(25 * time.Second)
		table.get(keyNumber(1), time.Minute, now, false)
	}
	if _, ok := table.get(keyNumber(1), time.Minute, now, true); ok {
		t.Error("a look counted as a request")
	}
}

func TestEqualTextsHaveEqualKeysInOneTable(t *testing.T) {
	a, b := newSessionTable("", ""), newSessionTable("", "")
	x := a.keyOf("x")
	if a.keyOf("x") != x || a.keyOf("x") == a.keyOf("y") || a.keyOf("x") == b.keyOf("x") {
		t.Error("keys do not tell texts apart, or can be guessed from another table")
	}
}

func TestATableCountsTheSessionsOfEachEndpoint(t *testing.T) {
	table, now := newSessionTable("web", "client_ip"), time.Unix(1_000_000, 0)
	table.limit.Store(1000 * tableParts)
	table.ttl.Store(int64(time.Minute))
	want := func(when string, a, b int) {
		t.Helper()
		all := make(map[string]int)
		table.AddSessions(all, now)
		if all["a"] != a || all["b"] != b || table.SessionsAt("a", now) != a || table.SessionCounts(now).Sessions != a+b {
			t.Errorf("%s: %v, and %d at a; want %d and %d", when, all, table.SessionsAt("a", now), a, b)
		}
		if _, left := all["c"]; left {
			t.Errorf("%s: an endpoint without sessions is in %v", when, all)
		}
	}
	for i := range 300 {
		table.put(keyNumber(i), session{token: "a"}, time.Minute, now)
	}
	want("begun", 300, 0)
	for i := range 100 {
		table.put(keyNumber(i), session{token: "b"}, time.Minute, now)
	}
	want("moved", 200, 100)
	table.add(keyNumber(1), session{token: "c"}, time.Minute, now) // it has a session already
	want("known already", 200, 100)
	now = now.Add(50 * time.Second)
	for i := range 10 {
		table.get(keyNumber(i), time.Minute, now, true)
	}
	now = now.Add(30 * time.Second)
	want("most are over", 0, 10)
	other := newSessionTable("web", "client_ip")
	other.limit.Store(1000)
	other.copy(table)
	if got := other.SessionsAt("b", now); got != 10 {
		t.Errorf("a table that inherits counts %d sessions, want 10", got)
	}
	table.limit.Store(tableParts)
	for i := range 1000 {
		table.put(keyNumber(i), session{token: "c"}, time.Minute, now)
	}
	if got := table.SessionsAt("c", now); got > tableParts || table.SessionsAt("b", now) > 10 {
		t.Errorf("%d sessions are counted, and there is room for %d", got, tableParts)
	}
}
