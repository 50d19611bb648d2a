// Package golden compares Caddyfiles with the JSON or the error that they should become. It is for
// tests, here and in the nested modules.
//
// A golden file holds the input and the expected output together, so a change of a Caddyfile's
// meaning shows in the diff of a review. The flag -update writes the current output into the files
// instead of comparing:
//
//	go test ./caddyfile -update
//
// Every package that calls Caddyfiles has the flag, and make golden runs them all with it. Read the
// diff before you commit it: a golden file that changes by accident is a defect.
package golden

import (
	"bytes"
	"encoding/json"
	"flag"
	"path/filepath"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard" // what Caddyfiles are made of
	"github.com/caddyserver/certmagic"
)

var update = flag.Bool("update", false, "write the current output into the golden files instead of comparing")

const dashes = "\n----------\n"

// Caddyfiles tests all files that match the pattern. A file has a Caddyfile, a line of dashes, and
// the JSON that it becomes or the error that it gives. If Caddy refuses to load the JSON, another
// line of dashes and that error follow.
func Caddyfiles(t *testing.T, pattern string) {
	t.Helper()
	for _, name := range Files(t, pattern) {
		t.Run(strings.TrimSuffix(filepath.Base(name), filepath.Ext(name)), func(t *testing.T) {
			input, want, _ := strings.Cut(Read(t, name), dashes)
			got := outcome(t, input+"\n")
			if *update {
				write(t, name, input+dashes+got+"\n")
			} else if got != strings.TrimSuffix(want, "\n") {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// Example tests that a Caddyfile becomes a config that loads. The servers that it names need not
// run.
func Example(t *testing.T, name string) {
	t.Helper()
	config, err := adapt(t, name, Read(t, name))
	if err == nil {
		err = Load(t, config)
	}
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
}

// outcome returns the expected output for an input: what belongs after the first line of dashes.
func outcome(t *testing.T, input string) string {
	t.Helper()
	config, err := adapt(t, "Caddyfile", input)
	if err != nil {
		return err.Error()
	}
	var text bytes.Buffer
	if err := json.Indent(&text, config, "", "\t"); err != nil {
		t.Fatal(err)
	}
	if err := Load(t, config); err != nil {
		return text.String() + dashes + err.Error()
	}
	return text.String()
}

// adapt returns the JSON of a Caddyfile. It fails the test on warnings, which Caddy gives for
// Caddyfiles that are not formatted.
func adapt(t *testing.T, name, input string) ([]byte, error) {
	t.Helper()
	options := map[string]any{"filename": name}
	config, warnings, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(input), options)
	for _, w := range warnings {
		t.Error(w)
	}
	return config, err
}

// Load does what `caddy validate` does: it provisions every module and starts nothing. Certificates
// that Caddy creates meanwhile go to a temporary folder instead of the user's.
func Load(t *testing.T, config []byte) error {
	t.Helper()
	before := caddy.DefaultStorage
	defer func() { caddy.DefaultStorage = before }()
	caddy.DefaultStorage = &certmagic.FileStorage{Path: t.TempDir()}
	var c caddy.Config
	if err := caddy.StrictUnmarshalJSON(config, &c); err != nil {
		return err
	}
	if c.Logging == nil { // Caddy's own lines would bury a failure
		onlyErrors := &caddy.CustomLog{BaseLog: caddy.BaseLog{Level: "ERROR"}}
		c.Logging = &caddy.Logging{Logs: map[string]*caddy.CustomLog{caddy.DefaultLoggerName: onlyErrors}}
	}
	return caddy.Validate(&c)
}
