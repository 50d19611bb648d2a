// Package databases tests layer 4 with real databases, caches and DNS servers: a cluster, a Caddy
// with the config of an example, and clients under load while the roles change.
package databases
