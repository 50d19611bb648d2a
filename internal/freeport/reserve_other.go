//go:build !linux

package freeport

// reserve reserves nothing, because only Linux has a name that the end of a process frees.
func reserve(uint32) bool { return true }
