package traffic

import (
	"errors"
	"math/rand/v2"

	"github.com/caddyserver/caddy/v2"
)

func init() { caddy.RegisterModule(new(brokenApp)) }

// brokenApp keeps a config from being loaded. Caddy loads apps in random order, and the break comes
// at a random moment, so that of the other apps all, some or none were loaded or started.
type brokenApp struct{}

var errBroken = errors.New("this app is broken")

func (*brokenApp) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{ID: "broken", New: func() caddy.Module { return new(brokenApp) }}
}

func (*brokenApp) Provision(caddy.Context) error {
	if rand.IntN(2) == 0 {
		return errBroken
	}
	return nil
}

func (*brokenApp) Start() error { return errBroken }
func (*brokenApp) Stop() error  { return nil }

func withBrokenApp(config map[string]any) {
	config["apps"].(map[string]any)["broken"] = map[string]any{}
}
