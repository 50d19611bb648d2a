package layer4_test

import (
	"testing"

	_ "github.com/caddy-balance/caddy-balance/layer4"

	"github.com/caddy-balance/caddy-balance/internal/golden"
)

func TestCaddyfilesBecomeTheExpectedJSONOrError(t *testing.T) {
	golden.Caddyfiles(t, "testdata/adapt/*.caddyfiletest")
}
