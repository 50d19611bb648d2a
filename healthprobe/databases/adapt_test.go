package databases_test

import (
	"testing"

	_ "github.com/caddy-balance/caddy-balance/healthprobe/databases"
	"github.com/caddy-balance/caddy-balance/internal/golden"
)

func TestCaddyfilesBecomeTheExpectedJSONOrError(t *testing.T) {
	golden.Caddyfiles(t, "testdata/adapt/*.caddyfiletest")
}
