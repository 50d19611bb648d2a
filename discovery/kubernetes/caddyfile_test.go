package kubernetes

import (
	"encoding/json"
	"strings"
	"testing"

	caddytext "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	_ "github.com/caddy-balance/caddy-balance"
	"github.com/caddy-balance/caddy-balance/internal/golden"
)

func TestTheSourceIsWrittenInACaddyfile(t *testing.T) {
	for text, want := range map[string]string{
		"kubernetes web":                                 `{"service":"web"}`,
		"kubernetes web http":                            `{"service":"web","port":"http"}`,
		"kubernetes web 80 {\n namespace shop\n}":        `{"service":"web","port":"80","namespace":"shop"}`,
		"kubernetes web {\n}":                            `{"service":"web"}`,
		"kubernetes web {\n family ipv6\n}":              `{"service":"web","family":"ipv6"}`,
		"kubernetes web {\n weight_annotation a.b/c\n}":  `{"service":"web","weight_annotation":"a.b/c"}`,
		"kubernetes web {\n kubeconfig a\n context b\n}": `{"service":"web","kubeconfig":"a","context":"b"}`,
		"kubernetes web {\n api_server a\n token b\n}":   `{"service":"web","api_server":"a","token":"b"}`,
		"kubernetes web {\n token_file a\n}":             `{"service":"web","token_file":"a"}`,
		"kubernetes web {\n tls\n}":                      `{"service":"web","tls":{}}`,
		"kubernetes web {\n tls_server_name a\n}":        `{"service":"web","tls":{"server_name":"a"}}`,
		"kubernetes web {\n tls_insecure_skip_verify\n}": `{"service":"web","tls":{"insecure_skip_verify":true}}`,
	} {
		var s Source
		if err := s.UnmarshalCaddyfile(caddytext.NewTestDispenser(text)); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got, err := json.Marshal(&s); err != nil || string(got) != want {
			t.Errorf("%s: got %s, %v; want %s", text, got, err, want)
		}
	}
}

func TestMistakesInACaddyfileAreNamed(t *testing.T) {
	for text, want := range map[string]string{
		"kubernetes":                                        "kubernetes: service: missing value",
		"kubernetes web 80 443":                             "kubernetes: unexpected argument '443'",
		"kubernetes \"\"":                                   "kubernetes: service: '' is not text",
		"kubernetes web {\n namespace\n}":                   "kubernetes: namespace: missing value",
		"kubernetes web {\n namespace a b\n}":               "kubernetes: namespace: unexpected argument 'b'",
		"kubernetes web {\n namespace a\n namespace b\n}":   "kubernetes: namespace: already given at Testfile:2",
		"kubernetes web {\n family ipv5\n}":                 "kubernetes: family: 'ipv5' is not ipv4 or ipv6",
		"kubernetes web {\n pods\n}":                        "kubernetes: unknown option 'pods'; expected namespace, family, weight_annotation,",
		"kubernetes web {\n token a {\n }\n}":               "kubernetes: token: takes no block",
		"kubernetes web {\n tls_client_auth cert.pem\n}":    "kubernetes: tls_client_auth: missing value",
		"kubernetes web {\n tls_trust_pool no-such-pool\n}": "kubernetes: tls_trust_pool: module 'no-such-pool' is unknown or not built in",
	} {
		var s Source
		err := s.UnmarshalCaddyfile(caddytext.NewTestDispenser(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v; want %s", text, err, want)
		}
	}
}

func TestCaddyfilesBecomeTheExpectedJSONOrError(t *testing.T) {
	golden.Caddyfiles(t, "testdata/adapt/*.caddyfiletest")
}
