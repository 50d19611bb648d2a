package lbpolicy

import (
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"
)

// Proxies of different versions share the sessions of their clients.
func TestAProofIsTheSameInEachVersion(t *testing.T) {
	k := newProofKey([]byte("0123456789abcdef"))
	for text, want := range map[string]string{
		"":                                 "HlPHZMyO6koX46Ah",
		aToken + "..1.2":                   "u_JGh3Jq3f1pp1gh",
		strings.Repeat("x", longestProven): "2HnUxqD2pBFOITzX",
	} {
		if got := k.prove(text); string(got[:]) != want {
			t.Errorf("%q: got %s, want %s", text, got, want)
		}
	}
}

func TestOnlyTheProxySetsTheTimesOfASession(t *testing.T) {
	const key = "0123456789abcdef"
	const settings = `{"policy":"sticky","cookie":{"name":"lb","idle":"1h","max_age":"10h"},"return":true,` +
		`"keys":["a second key of 16","` + key + `"]}`
	b, c := token([]byte(key), "b:1"), token([]byte(key), "c:1")
	value := func(key, home string, begun, seen time.Duration) string {
		at := func(ago time.Duration) string { return strconv.FormatInt(time.Now().Add(-ago).Unix(), 36) }
		text := b + "." + home + "." + at(begun) + "." + at(seen)
		k := newProofKey([]byte(key))
		proof := k.prove(text)
		return text + "." + string(proof[:])
	}
	unproven := func(value string) string { return value[:strings.LastIndex(value, ".")] }
	proofOf := func(value string) string { return strings.TrimPrefix(value, unproven(value)) }
	proven := value(key, "", time.Hour, time.Minute)
	for name, cookie := range map[string]struct {
		value string
		is    bool // a session
	}{
		"proven":              {proven, true},
		"with a home":         {value(key, c, time.Hour, time.Minute), true},
		"too old":             {value(key, "", 11*time.Hour, time.Minute), false},
		"idle for too long":   {value(key, "", 2*time.Hour, 2*time.Hour), false},
		"another key":         {value("fedcba9876543210", "", time.Hour, time.Minute), false},
		"another home":        {strings.Replace(proven, "..", "."+c+".", 1), false},
		"another endpoint":    {strings.Replace(proven, b, c, 1), false},
		"a later time":        {unproven(proven) + proofOf(value(key, "", time.Hour, time.Hour)), false},
		"a proof cut off":     {proven[:len(proven)-1], false},
		"long times":          {strings.Replace(proven, "..", ".."+strings.Repeat("0", 1000), 1), false},
		"no proof, new":       {unproven(value(key, "", time.Hour, -time.Second)), false},
		"no proof, old":       {unproven(value(key, "", time.Hour, 50*time.Minute)), true},
		"no proof, idle":      {unproven(value(key, "", 2*time.Hour, 2*time.Hour)), false},
		"no times":            {b, false},
		"a proof of no times": {b + "..." + "." + b, false},
	} {
		t.Run(name, func(t *testing.T) {
			static := newHostWith(t, settings, "a:1 b:1 c:1 d:1")
			at := make(map[string]bool)
			for range 40 {
				r, end := request(t, "/")
				r.Header.Set("Cookie", "lb="+cookie.value)
				w := httptest.NewRecorder()
				at[static.policy.Select(static.Upstreams, r, w).Dial] = true
				end()
			}
			isSession := len(at) == 1
			if isSession != cookie.is {
				t.Errorf("the client of %s is at %v", cookie.value, at)
			}
		})
	}
}
