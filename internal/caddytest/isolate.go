package caddytest

import (
	"fmt"
	"os"
	"testing"
)

// RunIsolated runs the tests of a package with environment variables that point to an empty folder,
// and returns the exit code. The variables are those by which Caddy finds its files, such as
// XDG_DATA_HOME, so tests neither read nor write the files of the user who runs them.
func RunIsolated(m *testing.M, variables ...string) int {
	dir, err := os.MkdirTemp("", "caddytest")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(dir)
	for _, name := range variables {
		os.Setenv(name, dir)
	}
	return m.Run()
}
