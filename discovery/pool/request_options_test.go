package pool

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/headers"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

func TestHedgeSettingsOutOfRangeAreRefused(t *testing.T) {
	for text, want := range map[string]string{
		`{"percentile": 0}`:           "percentile: is 0",
		`{"max": 0}`:                  "max: is 0",
		`{"percentile": 49}`:          "percentile: 49 is not between 50 and 99.9",
		`{"percentile": 100}`:         "percentile: 100 is not between 50 and 99.9",
		`{"max": -1}`:                 "max: -1 is not a percentage",
		`{"max": 101}`:                "max: 101 is not a percentage",
		`{"most": 5}`:                 "most",
		`{"percentile": 95, "max":5}`: "",
		`{}`:                          "",
	} {
		var h HedgeOptions
		err := json.Unmarshal([]byte(text), &h)
		if err == nil {
			err = h.check()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
		if want == "" && h != (HedgeOptions{Percentile: 95, Max: 5}) {
			t.Errorf("%s: got %+v", text, h)
		}
	}
}

func TestHeadersAboutTheUpstreamAreFound(t *testing.T) {
	for value, want := range map[string]string{
		"plain":                                "",
		"{http.request.host}":                  "",
		"{http.reverse_proxy.upstream.host}":   "{http.reverse_proxy.upstream.host}",
		"a {http.reverse_proxy.upstream.port}": "{http.reverse_proxy.upstream.port}",
	} {
		h := &reverseproxy.Handler{Headers: &headers.Handler{Request: &headers.HeaderOps{
			Set: map[string][]string{"X": {value}, "Host": {"{http.reverse_proxy.upstream.hostport}"}},
		}}}
		if got := headersAboutUpstream(h); got != want {
			t.Errorf("%s: got %q", value, got)
		}
	}
	if got := headersAboutUpstream(new(reverseproxy.Handler)); got != "" {
		t.Errorf("got %q", got)
	}
}
