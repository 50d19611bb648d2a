package e2e

import "testing"

// scenario is put on a registry that lists nothing yet.
type scenario struct {
	name string
	run  func(t *testing.T, r registry)
}

// scenarios are for every registry, and mortal is for those that are servers.
var (
	scenarios = []scenario{
		{"it follows every change", followsChanges},
		{"ten thousand endpoints arrive", takesCrowd},
		{"a reload keeps the list", keepsListOverReload},
		{"a restart of Caddy finds the list again", findsListAgain},
	}
	mortal = []scenario{
		{"it outlives the registry", outlivesRegistry},
		{"it does not believe a registry that lost its data", doubtsEmptiness},
		{"Caddy starts while the registry is down", startsWithoutRegistry},
		{"it gets over connections that were lost", getsOverLostConnections},
		{"it bears a slow registry", bearsSlowness},
		{"a reload keeps the connection", keepsConnectionOverReload},
	}
)

// prove puts a kind of registry through all scenarios. start makes one that lists nothing yet.
func prove[R registry](t *testing.T, start func(t *testing.T) R) {
	for _, s := range scenarios {
		t.Run(s.name, func(t *testing.T) { s.run(t, start(t)) })
	}
	if _, ok := any(*new(R)).(server); !ok {
		return
	}
	for _, s := range mortal {
		t.Run(s.name, func(t *testing.T) { s.run(t, start(t)) })
	}
}
