package lbpolicy

import (
	"encoding/binary"
	"testing"
	"time"
)

func keyNumber(i int) (k sessionKey) {
	binary.BigEndian.PutUint64(k[:], uint64(i))
	return k
}

func TestASessionIsRememberedForItsTimeSinceItWasSeen(t *testing.T) {
	table := newSessionTable()
	table.limit.Store(1000)
	now := time.Unix(1_000_000, 0)
	table.put(keyNumber(1), session{token: aToken}, time.Minute, now)
	for range 3 {
		now = now.Add(time.Minute)
		if s, ok := table.get(keyNumber(1), time.Minute, now); !ok || s.token != aToken {
			t.Fatal("forgotten, although it was seen a minute ago")
		}
	}
	if _, ok := table.get(keyNumber(1), time.Minute, now.Add(time.Minute+time.Second)); ok || table.size() != 0 {
		t.Error("remembered for more than a minute")
	}
}

func TestAFullTableForgetsWhatHasBeenIdleForTheLongest(t *testing.T) {
	table := newSessionTable()
	table.limit.Store(10 * tableParts)
	now := time.Unix(1_000_000, 0)
	for i := range 100 * tableParts {
		table.put(keyNumber(i), session{token: aToken}, time.Hour, now)
		if _, ok := table.get(keyNumber(0), time.Hour, now); !ok {
			t.Fatalf("after %d others, a session in use is forgotten", i)
		}
	}
	if n := table.size(); n > 10*tableParts || n < 9*tableParts {
		t.Errorf("has %d sessions, and room for %d", n, 10*tableParts)
	}
	if n := table.evicted.Load(); n < 90*tableParts {
		t.Errorf("counted %d sessions that gave way", n)
	}
	for i := range 100 * tableParts { // none of these gives way to another one
		table.put(keyNumber(-1-i), session{token: aToken}, time.Hour, now.Add(2*time.Hour))
	}
	if n := table.size(); n > 10*tableParts {
		t.Errorf("has %d sessions", n)
	}
}
