package e2e

import "testing"

func findsListAgain(t *testing.T, r registry) {
	c := startChain(t, r)
	c.restartCaddy()
	c.expect(each(c.backends...))
	c.join("b3")
	c.expect(each(c.backends...))
	c.finish()
}

// restartCaddy forgets all that is not stored. Until then no request may have failed.
func (c *chain) restartCaddy() {
	c.t.Helper()
	c.finish()
	c.proxy.stop()
	c.proxy.start()
	c.load = startLoad(c.t, c.proxy)
}
