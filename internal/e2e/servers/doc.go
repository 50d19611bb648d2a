// Package servers runs real registries for tests. Each is a process of its own on loopback, which a
// test can kill, restart and empty. Programs are built from pinned modules, once for each version
// on a machine. A server that comes with Debian must be installed.
//
// It runs on Linux.
package servers
