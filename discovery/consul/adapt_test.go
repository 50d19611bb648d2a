package consul_test

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
	_ "github.com/caddy-balance/caddy-balance/discovery/consul"
)

var update = flag.Bool("update", false, "write what the files in testdata/adapt should expect")

const dashes = "\n----------\n"

// A file is a Caddyfile, a line of dashes, and the JSON that it becomes or the error that it gives.
func TestCaddyfilesBecomeTheExpectedJSONOrError(t *testing.T) {
	names, err := filepath.Glob("testdata/adapt/*.caddyfiletest")
	if err != nil || len(names) == 0 {
		t.Fatalf("no files (%v)", err)
	}
	for _, name := range names {
		t.Run(strings.TrimSuffix(filepath.Base(name), ".caddyfiletest"), func(t *testing.T) {
			input, want, _ := strings.Cut(read(t, name), dashes)
			got := outcome(t, input+"\n")
			if *update {
				if err := os.WriteFile(name, []byte(input+dashes+got+"\n"), 0o644); err != nil {
					t.Fatal(err)
				}
			} else if got != strings.TrimSuffix(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// No Consul runs here, and none is needed to load a config.
func TestTheExampleAdaptsAndLoads(t *testing.T) {
	config, err := adapt(t, read(t, "../../examples/consul/Caddyfile"))
	if err == nil {
		err = load(t, config)
	}
	if err != nil {
		t.Error(err)
	}
}

func outcome(t *testing.T, input string) string {
	config, err := adapt(t, input)
	if err != nil {
		return err.Error()
	}
	var text bytes.Buffer
	if err := json.Indent(&text, config, "", "\t"); err != nil {
		t.Fatal(err)
	}
	if err := load(t, config); err != nil {
		return text.String() + dashes + err.Error()
	}
	return text.String()
}

// adapt fails on warnings as well: they are for Caddyfiles that are not formatted.
func adapt(t *testing.T, input string) ([]byte, error) {
	t.Helper()
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": "Caddyfile"})
	for _, w := range warnings {
		t.Error(w)
	}
	return config, err
}

// load does what `caddy validate` does: it provisions every module and starts nothing.
func load(t *testing.T, config []byte) error {
	before := caddy.DefaultStorage
	defer func() { caddy.DefaultStorage = before }()
	caddy.DefaultStorage = &certmagic.FileStorage{Path: t.TempDir()}
	var c caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &c); err != nil {
		return err
	}
	return caddy.Validate(&c)
}

func read(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
