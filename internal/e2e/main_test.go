package e2e

import (
	"os"
	"testing"
	"time"

	_ "github.com/caddy-balance/caddy-balance"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

// TestMain leaves HOME as it is, because the servers are built and cached there.
func TestMain(m *testing.M) {
	os.Exit(caddytest.RunIsolated(m, "XDG_DATA_HOME"))
}

// waitLimit bounds how long a test waits for an event that normally comes within seconds. A source
// may need most of a minute to detect a dead connection, and the machine may be busy with something
// else.
const waitLimit = 2 * time.Minute

// eventually waits until the condition holds, and fails the test after waitLimit.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	caddytest.Eventually(t, waitLimit, what, condition)
}
