package healthprobe

import (
	"context"
	"errors"

	"io"
	"net"
	"net/url"
	"os"
	"strings"
)

var errTimedOut = errors.New("timed out")

// reason is what a log line needs of an error: without the address, which the line has already, and
// without the layers that passed the error on. If ctx is over then that is the reason, whatever it broke.
func reason(ctx context.Context, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errTimedOut
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the connection was closed before the answer was complete")
	}
	return shortened(innermost(err))
}

func innermost(err error) error {
	var request *url.Error
	var operation *net.OpError
	var call *os.SyscallError
	var lookup *net.DNSError
	if errors.As(err, &request) {
		err = request.Err
	}
	if errors.As(err, &lookup) {
		return errors.New(lookup.Err)
	}
	if errors.As(err, &operation) {
		err = operation.Err
	}
	if errors.As(err, &call) {
		err = call.Err
	}
	return err
}

// shortened keeps an answer that is no answer, which errors like to quote, from filling the log.
func shortened(err error) error {
	const longest = 300
	if text := err.Error(); len(text) > longest {
		return errors.New(strings.ToValidUTF8(text[:longest], "") + "...")
	}
	return err
}
