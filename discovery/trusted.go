package discovery

// Trusted marks a source whose list is not read from a network, but written by those who configure
// Caddy. Its endpoints may have any address that can be dialed. The endpoints of all other sources
// must pass the pool's `allow` and `deny`, and must not be Caddy's own addresses or such as only
// the machine itself should reach.
type Trusted interface {
	Source

	// Trusted does nothing.
	Trusted()
}
