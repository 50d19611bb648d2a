// Package recovered turns a panic into an error. Goroutines that run code of other modules need it:
// policies, sources, probes, event handlers and storages. A panic in the goroutine of a request
// ends that request, but in any other goroutine it would end Caddy.
package recovered

import (
	"errors"
	"fmt"
	"runtime/debug"

	"go.uber.org/zap"
)

// Error is a panic.
type Error struct {
	What  string // what has panicked, such as "the source"
	Value any    // what it has panicked with
	Stack string
}

// Error implements error.
func (e *Error) Error() string { return fmt.Sprintf("%s panicked: %v", e.What, e.Value) }

// Unwrap returns the error that the panic was about, nil if it was another value.
func (e *Error) Unwrap() error {
	err, _ := e.Value.(error)
	return err
}

// Into replaces the error of a function that panics. The function must defer it directly.
func Into(err *error, what string) {
	if value := recover(); value != nil {
		*err = &Error{what, value, string(debug.Stack())}
	}
}

// Call calls f, and returns a panic of it as its error.
func Call(what string, f func() error) (err error) {
	defer Into(&err, what)
	return f()
}

// Do is Call for a function without an error.
func Do(what string, f func()) (err error) {
	defer Into(&err, what)
	f()
	return nil
}

// Fields returns an error for a log line, with the stack if it was a panic.
func Fields(err error) []zap.Field {
	fields := []zap.Field{zap.Error(err)}
	if p := new(Error); errors.As(err, &p) {
		fields = append(fields, zap.String("stack", p.Stack))
	}
	return fields
}
