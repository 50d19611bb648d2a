package load

// change is a cumulative sum of the evidence that an endpoint has changed (Page, 1954), and of the
// answers since it was 0. Evidence is a log-likelihood ratio in nats, so that there are exp(alarm)
// answers between two false alarms at least, whatever the distribution of the times.
type change struct {
	nats    float64
	answers float64
	sum     float64 // of the differences of the logarithms
	since   Instant // when the first of the answers was sent
}

const (
	// slowerAlarm and fasterAlarm are the evidence that means a change. Once in 160,000 answers an
	// endpoint looks slower by chance. It would be avoided, whereas the first answers correct an
	// endpoint that looks faster.
	slowerAlarm = 12
	fasterAlarm = 8
)

// evidence returns what an answer says, which a share of n answers does while nothing changes. It
// is 0 where the sum would stay 0, as it mostly does.
func (c *change) evidence(holds bool, share *value, n float64) float64 {
	if !holds && c.nats == 0 {
		return 0
	}
	return nats(holds, shareOf(share.get(), n))
}

// add adds the evidence of an answer, and returns all of it.
func (c *change) add(sent Instant, nats, difference float64) float64 {
	c.nats = min(c.nats+nats, max(slowerAlarm, fasterAlarm)) // so that one that is not believed is soon over
	if c.nats <= 0 {
		*c = change{}
		return 0
	}
	if c.answers == 0 {
		c.since = sent
	}
	c.answers++
	c.sum += difference
	return c.nats
}
