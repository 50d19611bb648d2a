package layer4_test

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/golden"
	_ "github.com/caddy-balance/caddy-balance/layer4"
)

func TestCaddyfilesBecomeTheExpectedJSONOrError(t *testing.T) {
	golden.Caddyfiles(t, "testdata/adapt/*.caddyfiletest")
}
