package caddytest

import "testing"

func TestNoAddressComesTwice(t *testing.T) {
	seen := make(map[string]bool)
	for range 1000 {
		address := FreeAddress(t)
		if seen[address] {
			t.Fatalf("%s came twice", address)
		}
		seen[address] = true
	}
}
