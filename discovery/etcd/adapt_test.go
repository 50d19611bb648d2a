package etcd

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

	_ "github.com/caddy-balance/caddy-balance"
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
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		input, want, _ := strings.Cut(string(text), dashes)
		config, err := adapt("Caddyfile", input+"\n")
		got := string(config)
		if err != nil {
			got = err.Error()
		}
		if *update {
			if err := os.WriteFile(name, []byte(input+dashes+got+"\n"), 0o644); err != nil {
				t.Fatal(err)
			}
		} else if got != strings.TrimSuffix(want, "\n") {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, want)
		}
	}
}

func TestTheExampleLoadsWithEtcdDown(t *testing.T) {
	const name = "../../examples/etcd/Caddyfile"
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := adapt(name, string(text)); err != nil {
		t.Error(err)
	}
}

// adapt also does what `caddy validate` does: it provisions every module and starts nothing.
func adapt(name, input string) ([]byte, error) {
	config, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), map[string]any{"filename": name})
	if err != nil {
		return nil, err
	}
	var c caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &c); err != nil {
		return nil, err
	}
	c.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{caddy.DefaultLoggerName: {BaseLog: caddy.BaseLog{Level: "ERROR"}}}}
	if err := caddy.Validate(&c); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	err = json.Indent(&text, config, "", "\t")
	return text.Bytes(), err
}
