package e2e

import (
	"slices"
	"testing"
)

// scenario is a test of a registry that is empty at first.
type scenario struct {
	name string
	run  func(t *testing.T, r registry)
}

// scenarios are for every registry, serverScenarios for registries that are servers, and
// connectionScenarios for servers that hold connections.
var (
	scenarios = []scenario{
		{"every change is applied", appliesEveryChange},
		{"many endpoints arrive", listsManyEndpoints},
		{"a reload keeps the list", keepsTheListOverReload},
		{"a restart of Caddy restores the list", restoresTheStoredList},
	}
	serverScenarios = []scenario{
		{"an outage of the registry, with a restart of Caddy", outlivesTheRegistry},
		{"a registry that lost its data needs confirmation", confirmsALoss},
		{"lost connections are replaced", recoversFromLostConnections},
		{"a slow registry is tolerated", toleratesASlowRegistry},
	}
	connectionScenarios = []scenario{
		{"a reload keeps the connection", keepsTheConnectionOverReload},
	}
)

// runScenarios runs all scenarios that fit a kind of registry. start returns one that is empty.
func runScenarios[R registry](t *testing.T, start func(t *testing.T) R) {
	var kind registry = *new(R)
	all := scenarios
	if _, ok := kind.(server); ok {
		all = slices.Concat(all, serverScenarios)
		if _, ok := kind.(connectionless); !ok {
			all = slices.Concat(all, connectionScenarios)
		}
	}
	for _, s := range all {
		t.Run(s.name, func(t *testing.T) { s.run(t, start(t)) })
	}
}
