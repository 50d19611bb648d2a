package endpoint

import "time"

// Rules are how a pool makes shares of what is known of its endpoints.
type Rules struct {
	// Heeds are the conditions that somebody looks after. Others may be left from an earlier definition.
	Watched Condition

	// SlowStart is how long an endpoint that begins to serve takes to its full share.
	SlowStart time.Duration

	// FailOpen is the share of usable endpoints, from 0 to 1, below which health is ignored. At 0 it is when none is
	// left. If negative, health is never ignored.
	FailOpen float64

	// Zone is where the proxy runs; empty if it does not matter.
	Zone string
}

// Mode says which endpoints of a pool serve.
type Mode uint8

const (
	Healthy  Mode = iota // those that are healthy and do not drain, as should be
	Draining             // those that drain but work, as there are no others
	Open                 // all, whatever is known of their health
	None                 // nobody
)

func (m Mode) String() string { return [...]string{"healthy", "draining", "fail_open", "none"}[m] }

// heed are the conditions that keep a request away from an endpoint that has a share. They
// may have come up since the shares were worked out.
func (m Mode) blocking() Condition {
	switch m {
	case Draining:
		return unhealthy | Maintenance
	case Open:
		return Maintenance
	}
	return unhealthy | unwilling
}
