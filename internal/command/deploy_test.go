package command_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

const example = "../../examples/deploy/"

// script returns a script of the example, in an environment where `caddy` is this test binary and
// its admin endpoint is the given one.
func script(t *testing.T, admin, name string, args ...string) *exec.Cmd {
	t.Helper()
	if runtime.GOOS == "windows" {
		t.Skip("the script is for a shell")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	as := func(name, is string) {
		text := fmt.Sprintf("#!/bin/sh\n%s=%s exec '%s' \"$@\"\n", role, is, self)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	as("caddy", "caddy")
	as("replace", "replace")
	cmd := exec.Command("sh", append([]string{example + name}, args...)...)
	path := dir + string(os.PathListSeparator) + os.Getenv("PATH")
	cmd.Env = append(os.Environ(), "PATH="+path, "CADDY_ADMIN="+admin, "STABLE=0s")
	return cmd
}

func TestADeploymentFailsNoRequest(t *testing.T) {
	f := startFleet(t, 3)
	c, admin := startCaddy(t, f.addresses()...)
	control := "http://" + serve(t, f.ServeHTTP)
	pools(admin, "wait", "web", "--usable", "3")
	stop := load(t, c.SiteSocket(0))
	output, err := script(t, admin, "deploy.sh", "web", "replace", control).CombinedOutput()
	requests, failures := stop()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	if len(failures) > 0 || requests < 30 { // how many there are depends on the machine
		t.Errorf("%d of %d requests failed: %q\n%s", len(failures), requests, failures, output)
	}
	if len(f.replaced) != 3 {
		t.Errorf("replaced %q\n%s", f.replaced, output)
	}
	for _, b := range f.backends {
		if b.version != 2 {
			t.Errorf("%s has version %d", b.address, b.version)
		}
	}
	if got := pools(admin, "list", "--json"); !strings.Contains(got.out, `"usable":3`) || !strings.Contains(got.out, `"overrides":0`) {
		t.Errorf("afterwards: %s", got.out)
	}
}

func TestADeploymentStopsBeforeItTakesTheLastEndpoint(t *testing.T) {
	f := startFleet(t, 1)
	_, admin := startCaddy(t, f.addresses()...)
	pools(admin, "wait", "web")
	control := "http://" + serve(t, f.ServeHTTP)
	output, err := script(t, admin, "deploy.sh", "web", "replace", control).CombinedOutput()
	if code := codeOfProcess(err); code != 7 || !strings.Contains(string(output), "is the last usable one") || len(f.replaced) > 0 {
		t.Errorf("code %d, replaced %q\n%s", code, f.replaced, output)
	}
}

func TestADeploymentStopsWhereANewVersionEndsAgain(t *testing.T) {
	f := startFleet(t, 3)
	_, admin := startCaddy(t, f.addresses()...)
	pools(admin, "wait", "web", "--usable", "3")
	control := "http://" + serve(t, func(_ http.ResponseWriter, r *http.Request) {
		f.find(r.FormValue("address")).server.Close()
		f.replaced = append(f.replaced, r.FormValue("address"))
	})
	cmd := script(t, admin, "deploy.sh", "web", "replace", control)
	cmd.Env = append(cmd.Env, "STABLE=2s", "PATIENCE=3s")
	output, err := cmd.CombinedOutput()
	if code := codeOfProcess(err); code != 6 || len(f.replaced) != 1 {
		t.Errorf("code %d, replaced %q\n%s", code, f.replaced, output)
	}
}

func TestADeploymentStopsWhereANewVersionDoesNotStart(t *testing.T) {
	f := startFleet(t, 3)
	_, admin := startCaddy(t, f.addresses()...)
	pools(admin, "wait", "web", "--usable", "3")
	output, err := script(t, admin, "deploy.sh", "web", "false").CombinedOutput()
	if code := codeOfProcess(err); code != 1 {
		t.Errorf("code %d\n%s", code, output)
	}
	if got := pools(admin, "list", "--json"); !strings.Contains(got.out, `"usable":2`) || !strings.Contains(got.out, `"draining":1`) {
		t.Errorf("afterwards: %s", got.out)
	}
}

// TestTheExampleDeploysProcesses does what the README of the example says, with another port.
func TestTheExampleDeploysProcesses(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the example needs curl")
	}
	address := caddytest.FreeAddress(t)
	other := startFleet(t, 1).backends[0].address
	t.Setenv("TMPDIR", t.TempDir())
	run := func(name string, args ...string) {
		t.Helper()
		if output, err := script(t, "", name, args...).CombinedOutput(); err != nil {
			t.Fatalf("%s %q: %v\n%s", name, args, err, output)
		}
	}
	run("replace.sh", "v1", address)
	t.Cleanup(func() { run("replace.sh", "", address) })
	_, admin := startCaddy(t, address, other)
	pools(admin, "wait", "web", "--usable", "2")
	// The other backend is not a process of the example, so it is left alone.
	replace := "case $0 in " + other + ") ;; *) sh " + example + "replace.sh v2 $0; esac"
	cmd := script(t, admin, "deploy.sh", "web", "sh", "-c", replace)
	if output, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	response, err := http.Get("http://" + address)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if body, _ := io.ReadAll(response.Body); string(body) != "v2" {
		t.Errorf("the backend answers %q", body)
	}
}

func codeOfProcess(err error) int {
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
		return exit.ExitCode()
	}
	return 0
}
