package e2e

import "testing"

func keepsTheListOverReload(t *testing.T, r registry) {
	c := startTestbed(t, r)
	before := published()
	for range 3 {
		c.reload()
		c.expect(each(c.backends...))
	}
	if n := published() - before; n != 0 {
		t.Errorf("%d lists were published by reloads", n)
	}
	c.registry.remove(c.backends[0].entry())
	c.expect(each(c.backends[1:]...))
	c.finish()
}

func keepsTheConnectionOverReload(t *testing.T, r registry) {
	c := startTestbed(t, r)
	before := r.(server).registryLink().totalAccepted()
	for range 3 {
		c.reload()
	}
	c.join("b3")
	c.expect(each(c.backends...))
	if n := r.(server).registryLink().totalAccepted() - before; n != 0 {
		t.Errorf("%d connections were opened by reloads", n)
	}
	c.finish()
}

func (c *testbed) reload() {
	c.t.Helper()
	c.reloads.Store(true)
	c.proxy.reload()
}
