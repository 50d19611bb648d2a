package caddyfile_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	_ "github.com/caddy-balance/caddy-balance"
	_ "github.com/caddy-balance/caddy-balance/examples/quickstart/delay"
	"github.com/caddy-balance/caddy-balance/internal/golden"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func TestCaddyfilesBecomeTheExpectedJSONOrError(t *testing.T) {
	golden.Caddyfiles(t, "testdata/adapt/*.caddyfiletest")
}

func TestExamplesAdaptAndLoad(t *testing.T) {
	t.Setenv("QUICKSTART", "../examples/quickstart")
	for _, name := range golden.Files(t, "../examples/*/Caddyfile") {
		if _, err := os.Stat(filepath.Join(filepath.Dir(name), "modules")); err == nil {
			continue // it needs nested modules; one of these has a test for it
		}
		t.Run(name, func(t *testing.T) { golden.Example(t, name) })
	}
	for _, name := range golden.Files(t, "../examples/*/*.json") {
		t.Run(name, func(t *testing.T) {
			if err := check(t, name, []byte(golden.Read(t, name))); err != nil {
				t.Error(err)
			}
		})
	}
}

// check decodes an array as a list of endpoints, and loads anything else as a config.
func check(t *testing.T, name string, data []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		_, err := listing.DecodeList(name, data, 1000)
		return err
	}
	return golden.Load(t, data)
}
