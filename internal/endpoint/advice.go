package endpoint

// Advice is what an endpoint says of itself. What it did not mention is nil, and stays as it was.
type Advice struct {
	Percent     *int // of its weight, 0 and more; 0 drains
	MaxRequests *int // instead of the source's, 0 for no limit
	Mode        *AdvisedMode
}

// AdvisedMode is what an endpoint wants to get.
type AdvisedMode uint8

const (
	AdvisedReady AdvisedMode = iota // requests
	AdvisedDrain                    // nothing new
	AdvisedMaint                    // nothing at all, even if nobody else is left
)
