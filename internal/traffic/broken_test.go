package traffic

import (
	"errors"
	"sync/atomic"

	"github.com/caddyserver/caddy/v2"
)

func init() { caddy.RegisterModule(new(brokenApp)) }

// brokenApp makes the load of a config fail. It fails in turn when it is provisioned and when it
// starts. Caddy loads apps in random order, so at the failure all, some or none of the other apps
// are loaded or started.
type brokenApp struct{}

var (
	errBroken        = errors.New("this app is broken")
	brokenProvisions atomic.Int64
)

func (*brokenApp) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "broken", New: func() caddy.Module { return new(brokenApp) }}
}

func (*brokenApp) Provision(caddy.Context) error {
	if brokenProvisions.Add(1)%2 == 0 {
		return errBroken
	}
	return nil
}

func (*brokenApp) Start() error { return errBroken }
func (*brokenApp) Stop() error  { return nil }

func withBrokenApp(config map[string]any) {
	config["apps"].(map[string]any)["broken"] = map[string]any{}
}
