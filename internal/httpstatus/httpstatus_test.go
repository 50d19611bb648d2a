package httpstatus

import (
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func TestStatusesAreCodesClassesAndRanges(t *testing.T) {
	for text, want := range map[string]Range{
		"200": {200, 200}, "599": {599, 599}, "1xx": {100, 199}, "5xx": {500, 599}, "200-399": {200, 399}, "204-204": {204, 204},
	} {
		if got, ok := ParseRange(text); !ok || got != want {
			t.Errorf("%s: got %v, %v; want %v", text, got, ok, want)
		}
	}
	for _, text := range []string{
		"", "2", "20", "2000", "099", "600", "0xx", "6xx", "xx", "2x", "2xxx", "2XX", "+20", "-200", "200-", "-", "300-200", "2xx-3xx", "200-300-400", " 200", "ok",
	} {
		if got, ok := ParseRange(text); ok {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func FuzzParseStatuses(f *testing.F) {
	for _, seed := range []string{"200", "2xx", "200-399", "9xx", "-", "1-2", "٢٠٠"} {
		f.Add(seed, 200)
	}
	f.Fuzz(func(t *testing.T, text string, status int) {
		set, err := Parse([]caddyhttp.WeakString{caddyhttp.WeakString(text)})
		if err == nil && set.Has(status) && (status < 100 || status > 599) {
			t.Errorf("%q has %d", text, status)
		}
		if err == nil && !set.Has(set[0].first) {
			t.Errorf("%q is %v, which is empty", text, set)
		}
	})
}
