package nacos_test

import (
	"testing"

	_ "github.com/caddy-balance/caddy-balance"
	_ "github.com/caddy-balance/caddy-balance/discovery/nacos"
	"github.com/caddy-balance/caddy-balance/internal/golden"
)

func TestCaddyfilesBecomeTheExpectedJSONOrError(t *testing.T) {
	golden.Caddyfiles(t, "testdata/adapt/*.caddyfiletest")
}
