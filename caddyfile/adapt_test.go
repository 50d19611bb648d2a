package caddyfile_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"
	"github.com/caddyserver/certmagic"

	_ "github.com/caddy-balance/caddy-balance"
	_ "github.com/caddy-balance/caddy-balance/examples/quickstart/delay"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

var update = flag.Bool("update", false, "write what the files in testdata/adapt should expect")

const dashes = "\n----------\n"

// A file is a Caddyfile, a line of dashes, and the JSON that it becomes or the error
// that it gives. If Caddy refuses to load the JSON, another line of dashes and that
// error follow.
func TestCaddyfilesBecomeTheExpectedJSONOrError(t *testing.T) {
	keepStorageIn(t, t.TempDir())
	for _, name := range glob(t, "testdata/adapt/*.caddyfiletest") {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".caddyfiletest"), func(t *testing.T) {
			text := read(t, name)
			input, want, _ := strings.Cut(text, dashes)
			got := outcome(t, input+"\n")
			if *update {
				write(t, name, input+dashes+got+"\n")
			} else if got != strings.TrimSuffix(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

func TestExamplesAdaptAndLoad(t *testing.T) {
	keepStorageIn(t, t.TempDir())
	t.Setenv("QUICKSTART", "../examples/quickstart")
	for _, name := range glob(t, "../examples/*/Caddyfile") {
		if _, err := os.Stat(filepath.Join(filepath.Dir(name), "modules")); err == nil {
			continue // it needs a module beyond this one, whose own test loads it
		}
		t.Run(name, func(t *testing.T) {
			config, err := adapt(t, name, read(t, name))
			if err == nil {
				err = load(config)
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	for _, name := range glob(t, "../examples/*/*.json") {
		t.Run(name, func(t *testing.T) {
			if err := check(name, []byte(read(t, name))); err != nil {
				t.Error(err)
			}
		})
	}
}

// check takes an array for a list of endpoints, and anything else for a config.
func check(name string, data []byte) error {
	if bytes.HasPrefix(bytes.TrimSpace(data), []byte("[")) {
		_, err := endpoint.DecodeList(name, data)
		return err
	}
	return load(data)
}

// outcome is what a file expects after its first line of dashes.
func outcome(t *testing.T, input string) string {
	config, err := adapt(t, "Caddyfile", input)
	if err != nil {
		return err.Error()
	}
	var text bytes.Buffer
	if err := json.Indent(&text, config, "", "\t"); err != nil {
		t.Fatal(err)
	}
	if err := load(config); err != nil {
		return text.String() + dashes + err.Error()
	}
	return text.String()
}

// adapt fails on warnings as well: they are for Caddyfiles that are not formatted.
func adapt(t *testing.T, name, input string) ([]byte, error) {
	t.Helper()
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": name})
	for _, w := range warnings {
		t.Error(w)
	}
	return config, err
}

// load does what `caddy validate` does: it provisions every module and starts nothing.
func load(config []byte) error {
	var c caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &c); err != nil {
		return err
	}
	if c.Logging == nil { // what Caddy says of its own comings and goings would bury a failure
		c.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{Level: "ERROR"}}}}
	}
	return caddy.Validate(&c)
}

// keepStorageIn keeps the certificates that Caddy makes while it provisions away
// from those of the user who runs the tests.
func keepStorageIn(t *testing.T, dir string) {
	before := caddy.DefaultStorage
	t.Cleanup(func() { caddy.DefaultStorage = before })
	caddy.DefaultStorage = &certmagic.FileStorage{Path: dir}
}

func glob(t *testing.T, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(pattern)
	if err != nil || len(names) == 0 {
		t.Fatalf("%s: no files (%v)", pattern, err)
	}
	return names
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(data), "\r\n", "\n")
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
