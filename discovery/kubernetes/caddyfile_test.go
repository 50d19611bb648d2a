package kubernetes

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	caddytext "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/caddyserver/certmagic"

	_ "github.com/caddy-balance/caddy-balance"
)

var update = flag.Bool("update", false, "write what testdata/full.json should be")

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
		"kubernetes web {\n tls_trust_pool no-such-pool\n}": "kubernetes: tls_trust_pool: unknown module 'no-such-pool'",
	} {
		var s Source
		err := s.UnmarshalCaddyfile(caddytext.NewTestDispenser(text))
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v; want %s", text, err, want)
		}
	}
}

func TestAWholeCaddyfileBecomesThisJSON(t *testing.T) {
	var got bytes.Buffer
	if err := json.Indent(&got, adapt(t, "testdata/full.Caddyfile"), "", "\t"); err != nil {
		t.Fatal(err)
	}
	got.WriteByte('\n')
	if *update {
		writeFile(t, "testdata/full.json", got.String())
	}
	if want := read(t, "testdata/full.json"); got.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got.String(), want)
	}
	validate(t, got.Bytes())
}

func adapt(t *testing.T, name string) []byte {
	t.Helper()
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt(read(t, name), map[string]any{"filename": name})
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	return config
}

// validate does what `caddy validate` does: it provisions every module and starts nothing.
func validate(t *testing.T, config []byte) {
	t.Helper()
	before := caddy.DefaultStorage
	t.Cleanup(func() { caddy.DefaultStorage = before })
	caddy.DefaultStorage = &certmagic.FileStorage{Path: t.TempDir()}
	var c caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &c); err != nil {
		t.Fatal(err)
	}
	c.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{Level: "PANIC"}}}}
	if err := caddy.Validate(&c); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return data
}
