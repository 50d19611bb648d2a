package etcd_test

import (
	"testing"

	_ "github.com/caddy-balance/caddy-balance"
	_ "github.com/caddy-balance/caddy-balance/discovery/etcd"
	"github.com/caddy-balance/caddy-balance/internal/golden"
)

func TestCaddyfilesBecomeTheExpectedJSONOrError(t *testing.T) {
	golden.Caddyfiles(t, "testdata/adapt/*.caddyfiletest")
}

func TestTheExampleLoadsWithEtcdDown(t *testing.T) {
	golden.Example(t, "../../examples/etcd/Caddyfile")
}
