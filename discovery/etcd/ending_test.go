package etcd

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/caddy-balance/caddy-balance/internal/caddytest"
	"github.com/caddy-balance/caddy-balance/internal/leaktest"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestASourceThatStoppedLeavesNothingBehind(t *testing.T) {
	etcd := startServer(t)
	etcd.put("web/a", "10.0.0.1:80")
	_ = etcd.client.Close()
	for name, test := range map[string]struct {
		source Source
		until  func(*sourcetest.Running)
	}{
		"while it watches":  {Source{Endpoints: []string{etcd.address}}, func(r *sourcetest.Running) { r.WantList("10.0.0.1:80") }},
		"at once":           {Source{Endpoints: []string{etcd.address}}, func(*sourcetest.Running) {}},
		"without etcd":      {Source{Endpoints: []string{caddytest.FreeAddress(t)}}, func(r *sourcetest.Running) { r.WantError("refused") }},
		"before it logs in": {Source{Endpoints: []string{caddytest.FreeAddress(t)}, Username: "caddy", Password: "x"}, func(r *sourcetest.Running) { r.WantError("refused") }},
	} {
		t.Run(name, func(t *testing.T) {
			before := goleak.IgnoreCurrent()
			running := start(t, &test.source)
			test.until(running)
			running.Stop()
			leaktest.WantNone(t, before)
		})
	}
}
