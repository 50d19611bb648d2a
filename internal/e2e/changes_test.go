package e2e

import "testing"

func appliesEveryChange(t *testing.T, r registry) {
	c := startTestbed(t, r)
	even := each(c.backends...)
	b0, b1, b2 := c.backends[0], c.backends[1], c.backends[2]

	r.put(entry{address: b2.address, weight: 3})
	c.expect(even.but(b2, 3))

	if _, ok := r.(withoutDraining); !ok {
		r.put(entry{address: b1.address, weight: 1, draining: true})
		c.expect(each(b0).but(b2, 3))
		r.put(b1.entry())
		c.expect(even.but(b2, 3))
	}

	r.remove(b0.entry())
	c.expect(each(b1).but(b2, 3))

	b3 := c.join("b3")
	c.expect(each(b1, b3).but(b2, 3))
	c.finish()
}
