package http

import (
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func TestSettingsThatMakeNoSenseAreErrorsWithoutSecrets(t *testing.T) {
	const good = "http://registry.test"
	for want, s := range map[string]Source{
		"url: is not one such as": {},
		"url: is not one such as https://registry.example.com/endpoints":             {URL: "http://user:s3cret%@registry.test"},
		"url: is not one such as https":                                              {URL: "unix//run/s3cret"},
		"url: is not one":                                                            {URL: "http://:80/s3cret"},
		"url: evaluated placeholder {env.NO_SUCH_}":                                  {URL: "{env.NO_SUCH_}"},
		"interval: -1s is less than 100ms":                                           {URL: good, Interval: -1e9},
		"timeout: -1s is less than 1ms":                                              {URL: good, Timeout: -1e9},
		"max_size: -1 is not between":                                                {URL: good, MaxSize: -1},
		"max_size: 16777217 is not between":                                          {URL: good, MaxSize: listing.MaxListSize + 1},
		`headers: "a b" cannot be sent`:                                              {URL: good, Headers: map[string]string{"a b": "s3cret"}},
		`headers: "A" cannot be sent`:                                                {URL: good, Headers: map[string]string{"A": "s3cret\n"}},
		"bearer_token: cannot be sent":                                               {URL: good, BearerToken: "s3cret\n"},
		"bearer_token: is given beside":                                              {URL: good, BearerToken: "s3cret", Headers: map[string]string{"authorization": "s3cret"}},
		"bearer_token: evaluated placeholder {env.NO_SUCH_}":                         {URL: good, BearerToken: "{env.NO_SUCH_}"},
		"tls: is given, but the URL has http":                                        {URL: good, TLS: new(reverseproxy.TLSConfig)},
		"tls: client_certificate_file specified without client_certificate_key_file": {URL: "https://registry.test", TLS: &reverseproxy.TLSConfig{ClientCertificateFile: "a"}},
	} {
		err := s.Provision(caddy.Context{})
		if err == nil || !strings.HasPrefix(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}

func FuzzListsBecomeValidEndpoints(f *testing.F) {
	for _, seed := range []string{"", "[]", `["10.0.0.1:80", "", {"address": "a:1", "weight": 2}]`, `[{"targets": ["a:1"], "labels": {"zone": "x"}}]`, "- a:1", "\uFEFF[1]"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		answer, err := decode(data, 10)
		if err == nil && answer.Endpoints == nil {
			t.Error("neither a list nor an error")
		}
		for _, e := range answer.Endpoints {
			again := e
			if err := again.Normalize(); err != nil || again.Address != e.Address {
				t.Errorf("%+v: %v", e, err)
			}
		}
	})
}
