package httpstatus

import (
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func TestParseRangeReadsCodesClassesAndRanges(t *testing.T) {
	for text, want := range map[string]Range{
		"200": {200, 200}, "599": {599, 599},
		"1xx": {100, 199}, "5xx": {500, 599},
		"200-399": {200, 399}, "204-204": {204, 204},
	} {
		if got, ok := ParseRange(text); !ok || got != want {
			t.Errorf("%s: got %v, %v; want %v", text, got, ok, want)
		}
	}
}

func TestParseRangeRefusesEverythingElse(t *testing.T) {
	for _, text := range []string{
		"", "2", "20", "2000", "099", "600", "0xx", "6xx", "xx", "2x", "2xxx", "2XX", "+20", "-200", "200-", "-",
		"300-200", "2xx-3xx", "200-300-400", " 200", "ok",
	} {
		if got, ok := ParseRange(text); ok {
			t.Errorf("%q: got %v", text, got)
		}
	}
}

func TestParseNamesTheWrongElement(t *testing.T) {
	_, err := Parse([]caddyhttp.WeakString{"200", "ok"})
	if want := `"ok" is not ` + Expected; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestAnEmptySettingIs2xx(t *testing.T) {
	set, err := Parse(nil)
	if err != nil || !set.Contains(200) || !set.Contains(299) || set.Contains(300) || set.Contains(0) {
		t.Errorf("got %v, %v", set, err)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"200", "2xx", "200-399", "9xx", "-", "1-2", "٢٠٠"} {
		f.Add(seed, 200)
	}
	f.Fuzz(func(t *testing.T, text string, code int) {
		set, err := Parse([]caddyhttp.WeakString{caddyhttp.WeakString(text)})
		if err == nil && set.Contains(code) && (code < 100 || code > 599) {
			t.Errorf("%q contains %d", text, code)
		}
		if err == nil && !set.Contains(set[0].first) {
			t.Errorf("%q is %v, which is empty", text, set)
		}
	})
}
