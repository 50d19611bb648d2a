package e2e

// registry is the registry under test. An adapter keeps its own testing.T, which it fails when the
// registry rejects an operation.
type registry interface {
	// source returns what a Caddyfile has after `source`.
	source() string

	// put registers or changes endpoints, in one operation if the registry can.
	put(entries ...entry)

	// remove deregisters endpoints.
	remove(entries ...entry)
}

// entry is an endpoint as a registry should list it.
type entry struct {
	address  string
	weight   int
	draining bool
}

// server is a registry in another process. It can crash, and the link to it can fail.
type server interface {
	registry

	// registryLink returns the link to the server, whose address source contains.
	registryLink() *link

	// kill crashes the server.
	kill()

	// restart starts the server with the data that it has stored.
	restart()

	// restartEmpty starts the server without data.
	restartEmpty()
}

// partOfCaddy is a registry within Caddy. It gets the proxy that it is part of.
type partOfCaddy interface{ of(*proxy) }

// withoutDraining is a registry that cannot mark an endpoint as draining.
type withoutDraining interface{ withoutDraining() }

// connectionless is a server that answers datagrams.
type connectionless interface{ connectionless() }

// limited is a registry with a maximum of fewer than ten thousand endpoints.
type limited interface{ most() int }
