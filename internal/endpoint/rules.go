package endpoint

import "time"

// Rules say how a pool computes shares from what is known of its endpoints.
type Rules struct {
	// Watched are the conditions that have a writer in this definition. Others are ignored, because
	// they may be left from an earlier definition. Those of operators are always watched.
	Watched Condition

	// SlowStart is the time that an endpoint which begins to serve takes to reach its full share.
	SlowStart time.Duration

	// FailOpen is the share of usable endpoints, from 0 to 1, below which health is ignored. At 0
	// health is ignored when no endpoint is usable. If negative, health is never ignored.
	FailOpen float64

	// LoadReports makes the weights follow what endpoints say of their load.
	LoadReports bool

	// MaxRequests is the limit of requests in flight of endpoints that have none of their own; 0 is
	// no limit.
	MaxRequests int

	// Zone is the zone in which the proxy runs. If it is empty, zones do not matter.
	Zone string
}

// Mode says which endpoints of a pool serve.
type Mode uint8

// The modes, from the best to the worst.
const (
	Healthy  Mode = iota // the endpoints that are healthy and do not drain
	Draining             // those that drain but work, because there are no others
	Open                 // all that do not drain, whatever is known of their health
	None                 // no endpoint
)

// String returns the name of the mode in the admin API.
func (m Mode) String() string { return [...]string{"healthy", "draining", "fail_open", "none"}[m] }

// blocking returns the conditions that keep a request away from an endpoint that has a share. They
// may have come to hold since the shares were computed.
func (m Mode) blocking() Condition {
	switch m {
	case Draining:
		return unhealthy | maintenance
	case Open:
		return maintenance
	}
	return unhealthy | advised | operator
}
