package e2e

import "testing"

func restoresTheStoredList(t *testing.T, r registry) {
	c := startTestbed(t, r)
	c.restartCaddy()
	c.expect(each(c.backends...))
	c.join("b3")
	c.expect(each(c.backends...))
	c.finish()
}

// restartCaddy starts Caddy with only what it has stored. It expects that no request has failed
// before.
func (c *testbed) restartCaddy() {
	c.t.Helper()
	c.finish()
	c.proxy.stop()
	c.proxy.start()
	c.load = startLoad(c.t, c.proxy)
}
