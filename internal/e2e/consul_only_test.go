package e2e

import "testing"

// A Consul that lost its state would let a query with an index from before wait for ten minutes.
func TestConsulIndexGoesBack(t *testing.T) {
	r := startConsul(t)
	r.wait = "10m"
	c := startChain(t, r)
	for range 50 {
		r.put(c.backends[0].entry()) // raises the index
	}
	r.restartEmpty()
	for _, b := range c.backends {
		r.put(b.entry())
	}
	c.join("b3")
	c.expect(each(c.backends...))
	c.finish()
}
