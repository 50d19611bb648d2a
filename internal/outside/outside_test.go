package outside

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	// The tests run a command that compiles these packages. The import makes the test cache depend
	// on them as well, so that a change of theirs runs the tests again.
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-balance/caddy-balance"
)

const core = "github.com/caddy-balance/caddy-balance"

func TestAnotherModuleExtendsAPool(t *testing.T) {
	if testing.Short() {
		t.Skip("links a whole Caddy")
	}
	dir := copyModule(t)
	run(t, dir, "go", "vet", "./...")
	binary := filepath.Join(t.TempDir(), "try")
	run(t, dir, "go", "build", "-o", binary, "./try")
	if got, want := run(t, dir, binary), "answered by the endpoint of the outside source\n"; got != want {
		t.Errorf("printed %q, want %q", got, want)
	}
}

// copyModule copies the module to a folder outside of this repository and makes its go.mod.
func copyModule(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS("testdata/module")); err != nil {
		t.Fatal(err)
	}
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	sums, err := os.ReadFile(filepath.Join(root, "go.sum"))
	if err != nil {
		t.Fatal(err)
	}
	mod, err := os.ReadFile(filepath.Join(root, "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	// The same requirements as the core, so that everything is in the module cache already.
	text := strings.Replace(string(mod), "module "+core, "module example.com/outside", 1) +
		"\nrequire " + core + " v0.0.0\n\nreplace " + core + " => " + root + "\n"
	for name, content := range map[string]string{"go.mod": text, "go.sum": string(sums)} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// run runs a command without a network for the go command and with a home folder of its own, and
// returns what the command printed.
func run(t *testing.T, dir, name string, args ...string) string {
	t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=mod", "GOWORK=off", "GOPROXY=off", "GOSUMDB=off",
		"XDG_DATA_HOME="+dir, "XDG_CONFIG_HOME="+dir)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	stdout, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", cmd, err, stdout, stderr.String())
	}
	return string(stdout)
}
