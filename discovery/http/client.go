package http

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// mostRedirects is what Go's own client follows.
	mostRedirects = 10

	mostHeaderBytes = 64 << 10
)

// client has a transport of its own, so that whatever it holds ends with the source.
func (s *Source) client() (client *http.Client, closeIdle func()) {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: time.Duration(s.Timeout)}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           1,
		MaxResponseHeaderBytes: mostHeaderBytes,
	}
	if s.tls != nil {
		transport.TLSClientConfig = s.tls.Clone()
	}
	return &http.Client{Transport: transport, CheckRedirect: s.checkRedirect}, transport.CloseIdleConnections
}

// checkRedirect keeps what is meant for one host from any other.
func (s *Source) checkRedirect(next *http.Request, before []*http.Request) error {
	switch {
	case !s.FollowRedirects:
		return http.ErrUseLastResponse
	case len(before) > mostRedirects:
		return errors.New("redirects without an end")
	case s.url.Scheme == "https" && next.URL.Scheme != "https":
		return errors.New("redirects to " + redacted(next.URL) + ", which is not https")
	}
	if next.URL.Host != s.url.Host {
		for field := range s.headers {
			next.Header.Del(field)
		}
		next.Header.Del("Referer")
		next.Host = ""
	}
	return nil
}

// redacted is a URL without what is a secret as often as not.
func redacted(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// plain takes the URL out of an error of the client, which has the query in it.
func plain(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
