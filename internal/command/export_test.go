package command

import (
	"context"
	"io"
	"time"
)

// Wait waits with a check that a test chooses.
func Wait(errs io.Writer, stable, timeout time.Duration, check func(context.Context) (bool, string, error)) error {
	return (&session{err: errs}).wait(context.Background(), patience{stable, timeout}, check)
}

// What tests look at from outside.
var (
	CodeOf  = codeOf
	Failed  = failed
	FrameOf = frameOf
	Age     = age
)
