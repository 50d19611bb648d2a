package e2e

import (
	"slices"
	"testing"
)

// scenario is put on a registry that lists nothing yet.
type scenario struct {
	name string
	run  func(t *testing.T, r registry)
}

// scenarios are for every registry, mortal is for those that are servers, and connected for
// those that hold connections.
var (
	scenarios = []scenario{
		{"it follows every change", followsChanges},
		{"a crowd arrives", takesCrowd},
		{"a reload keeps the list", keepsListOverReload},
		{"a restart of Caddy finds the list again", findsListAgain},
	}
	mortal = []scenario{
		{"it outlives the registry, with a restart of Caddy", outlivesRegistry},
		{"it does not believe a registry that lost its data", doubtsEmptiness},
		{"it gets over connections that were lost", getsOverLostConnections},
		{"it bears a slow registry", bearsSlowness},
	}
	connected = []scenario{
		{"a reload keeps the connection", keepsConnectionOverReload},
	}
)

// prove puts a kind of registry through all scenarios. start makes one that lists nothing yet.
func prove[R registry](t *testing.T, start func(t *testing.T) R) {
	var kind registry = *new(R)
	all := scenarios
	if _, ok := kind.(server); ok {
		all = slices.Concat(all, mortal)
		if _, ok := kind.(connectionless); !ok {
			all = slices.Concat(all, connected)
		}
	}
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) { s.run(t, start(t)) })
	}
}
