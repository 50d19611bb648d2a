package attempt

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// endingOfStatus returns the ending of an attempt that was answered.
func endingOfStatus(status int) endpoint.Ending {
	switch {
	case status == http.StatusSwitchingProtocols:
		return endpoint.Upgraded
	case status == http.StatusTooManyRequests:
		return endpoint.TooManyRequests
	case status >= http.StatusInternalServerError:
		return endpoint.FailedStatus
	}
	return endpoint.Answered
}

// endingOfError returns the ending of an attempt whose error is the endpoint's fault.
func endingOfError(err error) endpoint.Ending {
	var timeout net.Error
	switch {
	case isDialError(err):
		return endingOfDial(err.Error())
	case errors.As(err, &timeout) && timeout.Timeout():
		return endpoint.FailedTimeout
	case isTLSError(err):
		return endpoint.FailedTLS
	case isBreak(err):
		return endpoint.FailedReset
	}
	return endpoint.FailedOther
}

// endingOfDial tells errors of dialing apart by their text, because Caddy hides the cause of them.
func endingOfDial(text string) endpoint.Ending {
	switch {
	case strings.Contains(text, "refused"): // on every system
		return endpoint.FailedRefused
	case strings.Contains(text, "i/o timeout"), strings.Contains(text, "timed out"):
		return endpoint.FailedTimeout
	}
	return endpoint.FailedUnreached
}

func isTLSError(err error) bool {
	var alert tls.AlertError
	var record tls.RecordHeaderError
	var verification *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	var name x509.HostnameError
	return errors.As(err, &alert) || errors.As(err, &record) || errors.As(err, &verification) ||
		errors.As(err, &authority) || errors.As(err, &name)
}

// excuseOf returns the ending of an attempt whose error is not the endpoint's fault.
func (a *Attempt) excuseOf(req *http.Request) endpoint.Ending {
	switch {
	case a.hasLost():
		return endpoint.HedgeLost
	case a.isAborted():
		return endpoint.RoleLost
	case req.Context().Err() != nil:
		return endpoint.ClientLeft
	case a.keptBroke:
		return endpoint.IdleBroken
	}
	return endpoint.ClientUpload
}
