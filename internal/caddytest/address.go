package caddytest

import (
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/freeport"
)

// FreeAddress returns a loopback address that is free, as freeport.Address does.
func FreeAddress(t testing.TB) string {
	t.Helper()
	address, err := freeport.Address()
	if err != nil {
		t.Fatal(err)
	}
	return address
}
