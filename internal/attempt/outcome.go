package attempt

import "net/http"

// Outcome is what an attempt says about its endpoint.
type Outcome uint8

const (
	// SaysNothing: the client went away, or the endpoint asked for patience. (429: it
	// is no failure, but its speed says nothing about a request that is served.)
	SaysNothing Outcome = iota
	// Worked: the endpoint answered, and not with an error of its own.
	Worked
	// Failed: no answer, or one that says the endpoint cannot (5xx). However fast it
	// was, it must not look like a fast success.
	Failed
)

func judge(err error, clientGone bool, status int) Outcome {
	switch {
	case err != nil && clientGone, err == nil && status == http.StatusTooManyRequests:
		return SaysNothing
	case err != nil, status >= http.StatusInternalServerError:
		return Failed
	default:
		return Worked
	}
}
