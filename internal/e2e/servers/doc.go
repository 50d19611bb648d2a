// Package servers runs real registries for tests: each in a process of its own on loopback, which
// can be killed, restarted and emptied. Programs are built from pinned modules, once for each
// version on a machine; a server that comes with Debian must be installed.
//
// It runs on Linux.
package servers
