// Package e2e tests discovery against real registries: a registry, a pool, a real Caddy and real
// backends, under load.
//
// A registry is one file with an adapter (see registry_test.go), which runs through every scenario
// of the suite. What can go wrong with only one registry is tested beside its adapter.
package e2e
