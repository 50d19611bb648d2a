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

// Reason shortens an error of a connection to what a log line needs: without the address, which the
// line has already, and without the layers that passed the error on. If ctx has ended, that is the
// reason, because whatever broke after that is a consequence.
func Reason(ctx context.Context, err error) error {
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
	return truncate(innermost(err))
}

// innermost removes the layers of net and net/url from an error.
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

// truncate limits the text of an error, because errors often quote what the endpoint sent, which
// could fill the log.
func truncate(err error) error {
	const maxLength = 300
	if text := err.Error(); len(text) > maxLength {
		return errors.New(strings.ToValidUTF8(text[:maxLength], "") + "...")
	}
	return err
}
