package command_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"testing"

	"github.com/caddyserver/caddy/v2"
	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	"github.com/spf13/cobra"

	_ "github.com/caddy-balance/caddy-balance"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// role is the environment variable by which this test binary is a Caddy with the plugin, or the
// command that replaces a backend.
const role = "COMMAND_TEST_ROLE"

func TestMain(m *testing.M) {
	switch os.Getenv(role) {
	case "caddy":
		caddycmd.Main()
	case "replace":
		os.Exit(askToReplace(os.Args[1], os.Args[2]))
	default:
		os.Exit(caddytest.RunIsolated(m, "HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"))
	}
}

// askToReplace asks a test to replace the backend at an address.
func askToReplace(control, address string) (code int) {
	response, err := http.Post(control+"/?address="+address, "", nil)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("the backend is not replaced: %s", response.Status)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// result is what a command printed, and how it ended.
type result struct {
	out, err string
	code     int
}

// pools runs `caddy pools` against an admin endpoint.
func pools(address string, args ...string) result {
	var out, errs bytes.Buffer
	code := poolsUntil(context.Background(), &out, &errs, address, args...)
	return result{out.String(), errs.String(), code}
}

// poolsUntil runs `caddy pools` until it ends, or the context does, and returns the exit code.
func poolsUntil(ctx context.Context, out, errs io.Writer, address string, args ...string) (code int) {
	cmd := &cobra.Command{Use: "pools", SilenceUsage: true}
	caddycmd.Commands()["pools"].CobraFunc(cmd)
	cmd.SetOut(out)
	cmd.SetErr(errs)
	cmd.SetArgs(append([]string{"--address", address}, args...))
	return exitCode(cmd.ExecuteContext(ctx))
}

// exitCode returns the code with which Caddy would exit, as caddycmd.Main finds it.
func exitCode(err error) int {
	if err == nil {
		return caddy.ExitCodeSuccess
	}
	if v := reflect.Indirect(reflect.ValueOf(err)); v.Kind() == reflect.Struct && v.FieldByName("ExitCode").IsValid() {
		return int(v.FieldByName("ExitCode").Int())
	}
	return 1
}
