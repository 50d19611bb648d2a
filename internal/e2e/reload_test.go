package e2e

import "testing"

func keepsListOverReload(t *testing.T, r registry) {
	c := startChain(t, r)
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

func keepsConnectionOverReload(t *testing.T, r registry) {
	c := startChain(t, r)
	before := r.(server).between().everAccepted()
	for range 3 {
		c.reload()
	}
	c.join("b3")
	c.expect(each(c.backends...))
	if n := r.(server).between().everAccepted() - before; n != 0 {
		t.Errorf("%d connections were opened by reloads", n)
	}
	c.finish()
}

func (c *chain) reload() {
	c.t.Helper()
	c.reloads.Store(true)
	c.proxy.reload()
}
