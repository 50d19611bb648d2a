package e2e

import "testing"

// A Consul that has lost its state answers a query with an old index only after ten minutes.
func TestConsulIndexGoesBack(t *testing.T) {
	r := startConsul(t)
	r.wait = "10m"
	c := startTestbed(t, r)
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
