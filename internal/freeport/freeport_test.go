package freeport

import (
	"runtime"
	"testing"
)

func TestNoAddressComesTwice(t *testing.T) {
	seen := make(map[string]bool)
	for range 100 {
		address, err := Address()
		if err != nil || seen[address] {
			t.Fatalf("%s came twice, or %v", address, err)
		}
		seen[address] = true
	}
}

func TestProcessesThatBeginAtTheSamePortGetOthers(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("only Linux reserves ports")
	}
	one, err := Address()
	if err != nil {
		t.Fatal(err)
	}
	last.Add(^uint32(0)) // as another process may
	other, err := Address()
	if err != nil || other == one {
		t.Errorf("got %s and %s, %v", one, other, err)
	}
}
