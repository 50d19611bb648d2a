package e2e

// registry is one of a kind that is to be proven, as a test deals with it. An adapter keeps its own
// testing.T, and fails that if the registry does not do as told.
type registry interface {
	// source is what a Caddyfile says after `source`.
	source() string

	// put registers endpoints, or changes them, at once if that can be.
	put(entries ...entry)

	// remove takes endpoints away on purpose.
	remove(entries ...entry)
}

// entry is an endpoint as a registry is to list it.
type entry struct {
	address  string
	weight   int
	draining bool
}

// server is a registry of which Caddy is a client: it can die, and what lies between can fail.
type server interface {
	registry

	// between leads to the server, and source names its address.
	between() *line

	kill()

	// restart brings the server back with what it kept, and restartEmpty without.
	restart()
	restartEmpty()
}

// inside is a registry that is part of Caddy, so it is told of which.
type inside interface{ of(*proxy) }

// mute is a registry that has no word for draining.
type mute interface{ mute() }

// connectionless is a server that is asked by datagrams.
type connectionless interface{ connectionless() }

// limited is a registry that cannot list ten thousand endpoints in one place.
type limited interface{ most() int }
