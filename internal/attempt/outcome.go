package attempt

import (
	"errors"
	"net/http"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp/reverseproxy"
)

// Outcome is what an attempt says about its endpoint.
type Outcome uint8

const (
	// SaysNothing means that the client went away or did not send its request properly, or that the
	// endpoint answered 429. A 429 is no failure, but its speed says nothing about a request that
	// is served.
	SaysNothing Outcome = iota

	// Worked means that the endpoint answered, and not with an error of its own.
	Worked

	// Failed means that there was no answer, or a 5xx. However fast a failure was, it must not look
	// like a fast success.
	Failed
)

// outcomeOf derives the outcome from the error of a round trip, or from the status if there is
// none. An error is excused if it is not the endpoint's fault.
func outcomeOf(err error, excused bool, status int) Outcome {
	switch {
	case err != nil && excused, err == nil && status == http.StatusTooManyRequests:
		return SaysNothing
	case err != nil, status >= http.StatusInternalServerError:
		return Failed
	default:
		return Worked
	}
}

// isDialError reports whether no connection could be made.
func isDialError(err error) bool {
	var dial reverseproxy.DialError
	return errors.As(err, &dial)
}
