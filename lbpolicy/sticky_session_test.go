package lbpolicy

import (
	"strings"
	"testing"
	"time"
)

var aToken, anotherToken = token([]byte("key"), "a"), token([]byte("key"), "b")

func TestASessionIsReadAsItIsWritten(t *testing.T) {
	for _, s := range []session{
		{token: aToken}, {token: aToken, home: anotherToken},
		{token: aToken, begun: 1, seen: 1 << 40}, {token: aToken, home: anotherToken, begun: 7, seen: 8},
	} {
		if got, _, ok := parseSession(s.String()); !ok || got != s {
			t.Errorf("%s: read %+v, want %+v", s, got, s)
		}
	}
}

func FuzzSession(f *testing.F) {
	f.Add(aToken)
	f.Add(aToken + "." + anotherToken + ".1.2")
	f.Add("....")
	f.Fuzz(func(t *testing.T, value string) {
		s, _, ok := parseSession(value)
		if !ok {
			return
		}
		if again, _, ok := parseSession(s.String()); !ok || again != s {
			t.Errorf("%q is %+v, but written again it is %+v", value, s, again)
		}
		if strings.ContainsAny(s.String(), "\"\\;, \r\n") {
			t.Errorf("%q is written as %q, which no cookie can have", value, s)
		}
	})
}

func TestASessionEndsAfterItsIdleTimeAndItsAge(t *testing.T) {
	begin := time.Unix(1_000_000, 0)
	l := lifetime{idle: time.Hour, age: 10 * time.Hour}
	s := session{token: aToken}
	l.stamp(&s, begin)
	now := begin
	for range 9 { // a request an hour keeps it
		now = now.Add(time.Hour)
		if l.over(s, now) || !l.due(s, now) {
			t.Fatalf("after %s the session is over, or does not get renewed", now.Sub(begin))
		}
		l.stamp(&s, now)
	}
	if age := l.maxAge(s, now); age != 3600 {
		t.Errorf("an hour before its end the client is told to keep it for %ds", age)
	}
	if now = now.Add(time.Hour + time.Second); !l.over(s, now) {
		t.Error("it outlives its age")
	}
	s = session{token: aToken}
	l.stamp(&s, begin)
	if l.due(s, begin.Add(time.Minute)) {
		t.Error("it is renewed with every answer")
	}
	if !l.over(s, begin.Add(time.Hour+8*time.Minute)) {
		t.Error("it outlives its idle time")
	}
	if !l.over(session{token: aToken}, begin) {
		t.Error("a cookie without times, from before the setting, lasts forever")
	}
}

func TestATokenDependsOnTheKeyAndTheNameAlone(t *testing.T) {
	if a := token([]byte("key"), "a"); a != aToken || !isToken(a) {
		t.Errorf("the token is %q and %q", a, aToken)
	}
	if aToken == anotherToken || aToken == token([]byte("other"), "a") {
		t.Error("another name or another key has the same token")
	}
}
