package traffic

import (
	"os"
	"testing"
	"time"

	_ "github.com/caddy-balance/caddy-balance"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestMain(m *testing.M) {
	os.Exit(caddytest.RunIsolated(m, "HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"))
}

// waitLimit bounds how long a test waits for an event that normally comes at once. It is long
// because the machine may be busy with something else.
const waitLimit = 30 * time.Second

// eventually waits until the condition holds, and fails the test after waitLimit.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	caddytest.Eventually(t, waitLimit, what, condition)
}

// receive returns the next value of a channel, and fails the test after waitLimit.
func receive[T any](t *testing.T, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(waitLimit):
		t.Fatalf("nothing was received within %s", waitLimit)
	}
	return value
}

// amount returns how often to repeat something, in a normal run or with -short.
func amount(normal, short int) int {
	if testing.Short() {
		return short
	}
	return normal
}
