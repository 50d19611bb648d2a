package databases

import (
	"os"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
)

func TestMain(m *testing.M) {
	os.Exit(caddytest.RunIsolated(m, "XDG_DATA_HOME", "XDG_CONFIG_HOME", "HOME"))
}
