// Package page proves the live page of the pools in a real Chromium: what it shows, what its
// buttons do, and that it is accessible. Its tests also take the screenshots of the documentation:
//
//	go test . -run Quickstart -update
//
// They are skipped on a machine without Chromium, unless the variable CI is set.
package page
