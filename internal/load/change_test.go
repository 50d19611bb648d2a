package load

import "testing"

func TestEvidenceOfAChangeAddsUp(t *testing.T) {
	var c change
	for i := range 3 {
		c.add(second+Instant(i), 2, .5)
	}
	if c.nats != 6 || c.answers != 3 || c.sum != 1.5 || c.since != second {
		t.Errorf("got %+v", c)
	}
}

func TestEvidenceAgainstAChangeEndsIt(t *testing.T) {
	var c change
	c.add(1*second, 2, .5)
	if left := c.add(2*second, -1, .1); left != 1 || c.answers != 2 {
		t.Errorf("%v nats are left, and %v answers", left, c.answers)
	}
	if left := c.add(3*second, -1, .1); left != 0 || c != (change{}) {
		t.Errorf("at 0 there is %+v left", c)
	}
	if c.add(4*second, 1, .1); c.since != 4*second {
		t.Errorf("the next one is since %v", c.since)
	}
}
