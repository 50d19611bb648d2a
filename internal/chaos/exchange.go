package main

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"time"
)

// exchange is a request and what became of it.
type exchange struct {
	id               string
	due, sent, ended time.Time
	method           string
	backend          string
	result           result
	reason           string // of a failure
}

// result is what became of a request.
type result int

const (
	answered result = iota

	// failed requests could have been repeated at a backend that worked.
	failed

	// broken requests could not be repeated: their answer had begun, or a backend may have seen the
	// request and its method is not idempotent.
	broken

	// dropped requests were in no Caddy's hands: there was none, or it closed the connection
	// without an answer and no backend saw the request. They have failed unless a Caddy ended just
	// then. net/http drops what it reads after it was told to shut down, at each reload too.
	dropped

	// rejected requests found no backend. They have failed unless all backends were full.
	rejected

	// turnedAway requests were dropped or rejected when nothing else was possible.
	turnedAway
)

// withoutAnswer is for requests whose answer did not begin. A backend may have seen them.
func (e exchange) withoutAnswer(err error, seen bool) exchange {
	e.result, e.reason = e.repeatable(), err.Error()
	if !seen && !isTimeout(err) {
		e.result = dropped
	}
	return e
}

func isTimeout(err error) bool {
	var e net.Error
	return errors.As(err, &e) && e.Timeout()
}

// withAnswer is for requests whose answer has begun. An error of the proxy has the reason as its
// text, as the config says.
func (e exchange) withAnswer(status int, text []byte, err error) exchange {
	switch {
	case err != nil:
		e.result, e.reason = broken, err.Error()
	case status == http.StatusOK:
		return e
	default:
		e.reason = http.StatusText(status) + ": " + string(text)
		switch {
		case strings.Contains(e.reason, "no upstreams available"):
			e.result = rejected
		case strings.Contains(e.reason, "dial "):
			e.result = failed
		default:
			e.result = e.repeatable()
		}
	}
	return e
}

// repeatable returns the result of a request that a backend may have seen.
func (e exchange) repeatable() result {
	if e.method == http.MethodPost {
		return broken
	}
	return failed
}
