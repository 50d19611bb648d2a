package e2e

import (
	"fmt"
	"os"
	"testing"
	"time"

	_ "github.com/caddyserver/caddy/v2/modules/standard"

	_ "github.com/caddy-balance/caddy-balance"
)

func TestMain(m *testing.M) {
	os.Exit(isolated(m))
}

// isolated keeps Caddy away from the files of whoever runs the tests. The home stays, since the
// servers are built and cached there.
func isolated(m *testing.M) int {
	data, err := os.MkdirTemp("", "e2e")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(data)
	os.Setenv("XDG_DATA_HOME", data)
	return m.Run()
}

// patience is how long a test waits for what should come within seconds, on a machine that is busy
// with something else. A source may need most of a minute to see that a connection is dead.
const patience = 2 * time.Minute

// eventually waits until true.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}
