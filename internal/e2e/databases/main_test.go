package databases

import (
	"os"
	"testing"
	"time"

	_ "github.com/caddy-balance/caddy-balance"
	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	_ "github.com/caddy-balance/caddy-balance/layer4"
)

// TestMain leaves HOME as it is, because etcd is built and cached there.
func TestMain(m *testing.M) {
	os.Exit(caddytest.RunIsolated(m, "XDG_DATA_HOME"))
}

// waitLimit bounds how long a test waits. A cluster may need half a minute to elect a leader.
const waitLimit = 2 * time.Minute

// eventually waits until the condition holds, and fails the test after waitLimit.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	caddytest.Eventually(t, waitLimit, what, condition)
}
