package command

import (
	"errors"
	"fmt"
)

// The exit codes of the command, beside 0. Scripts rely on them.
const (
	codeOther       = 1 // wrong usage, and what has no code of its own
	codeRefused     = 2 // the API refuses the request
	codeUnreachable = 3 // no API of pools can be reached
	codeNoPool      = 4
	codeNoEndpoint  = 5
	codeTimeout     = 6 // of wait
	codeLastUsable  = 7 // without --force
)

// failure is an error with an exit code.
type failure struct {
	code    int
	message string
}

func (f *failure) Error() string { return f.message }

func failed(code int, format string, args ...any) error {
	return &failure{code, fmt.Sprintf(format, args...)}
}

func codeOf(err error) int {
	if f := (*failure)(nil); errors.As(err, &f) {
		return f.code
	}
	return codeOther
}
