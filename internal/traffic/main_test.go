package traffic

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

// isolated keeps Caddy away from the files of whoever runs the tests.
func isolated(m *testing.M) int {
	home, err := os.MkdirTemp("", "traffic")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(home)
	for _, name := range []string{"HOME", "XDG_DATA_HOME", "XDG_CONFIG_HOME"} {
		os.Setenv(name, home)
	}
	return m.Run()
}

// patience is how long a test waits for what should come at once, on a machine that is busy
// with something else.
const patience = 30 * time.Second

// eventually waits until true.
func eventually(t *testing.T, what string, happened func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !happened(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("waited %s in vain: %s", patience, what)
		}
	}
}

// receive waits for a value, and tells who waits in vain.
func receive[T any](t *testing.T, c <-chan T) (value T) {
	t.Helper()
	select {
	case value = <-c:
	case <-time.After(patience):
		t.Fatalf("waited %s in vain", patience)
	}
	return value
}

// amount is less in a short run.
func amount(normal, short int) int {
	if testing.Short() {
		return short
	}
	return normal
}
