package attempt

import (
	"testing"
	"time"
)

func TestRetryAfterIsANumberOfSecondsOrADate(t *testing.T) {
	now := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"7.5":                           0,
		"soon":                          0,
		"18446744073709551615":          1 << 30 * time.Second,
		"99999999999999999999999":       1 << 30 * time.Second,
		"Wed, 01 Jan 2020 00:01:30 GMT": 90 * time.Second,
		"Tue, 31 Dec 2019 00:00:00 GMT": 0,
	} {
		if got := parseRetryAfter(text, now); got != want {
			t.Errorf("%q is %s, want %s", text, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("7")
	f.Add("Wed, 01 Jan 2020 00:01:30 GMT")
	f.Fuzz(func(t *testing.T, text string) {
		if parseRetryAfter(text, time.Unix(0, 0)) < 0 {
			t.Error("a negative time")
		}
	})
}
