// Package e2e proves discovery against real registries: registry, pool, real Caddy, real backends, under load.
//
// A registry is one file with an adapter (see registry_test.go) and is put through every scenario of the
// suite; what only it can do wrong is tested beside its adapter.
package e2e
