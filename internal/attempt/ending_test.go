package attempt

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

func TestAnErrorHasAnEnding(t *testing.T) {
	read := func(err error) error { return &net.OpError{Op: "read", Err: err} }
	for _, c := range []struct {
		err  error
		want endpoint.Ending
	}{
		{io.EOF, endpoint.FailedReset},
		{read(syscall.ECONNRESET), endpoint.FailedReset},
		{read(context.DeadlineExceeded), endpoint.FailedTimeout},
		{fmt.Errorf("handshake: %w", x509.UnknownAuthorityError{}), endpoint.FailedTLS},
		{errors.New(`net/http: HTTP/1.x transport connection broken: malformed HTTP status code "x"`), endpoint.FailedOther},
	} {
		if got := endingOfError(c.err); got != c.want {
			t.Errorf("%v: %s, want %s", c.err, got.Reason(), c.want.Reason())
		}
	}
	for text, want := range map[string]endpoint.Ending{
		"dial tcp 10.0.0.1:80: connect: connection refused":   endpoint.FailedRefused,
		"dial tcp 10.0.0.1:80: i/o timeout":                   endpoint.FailedTimeout,
		"dial tcp 10.0.0.1:80: connect: connection timed out": endpoint.FailedTimeout,
		"dial tcp 10.0.0.1:80: connect: no route to host":     endpoint.FailedUnreached,
		"dial tcp: lookup backend: no such host":              endpoint.FailedUnreached,
	} {
		if got := endingOfDial(text); got != want {
			t.Errorf("%s: %s, want %s", text, got.Reason(), want.Reason())
		}
	}
}
