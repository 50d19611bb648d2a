package http

import (
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// maxRedirects is the limit of Go's own client.
	maxRedirects = 10

	maxHeaderBytes = 64 << 10
)

// client returns a client with a transport of its own, so that its connections end with the run.
func (s *Source) client() (client *http.Client, closeIdle func()) {
	transport := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: time.Duration(s.Timeout)}).DialContext,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           1,
		MaxResponseHeaderBytes: maxHeaderBytes,
	}
	if s.tls != nil {
		transport.TLSClientConfig = s.tls.Clone() // a transport writes into it
	}
	return &http.Client{Transport: transport, CheckRedirect: s.checkRedirect}, transport.CloseIdleConnections
}

// checkRedirect limits redirects, and removes the header fields of the config from requests to
// another host.
func (s *Source) checkRedirect(next *http.Request, before []*http.Request) error {
	switch {
	case !s.FollowRedirects:
		return http.ErrUseLastResponse
	case len(before) > maxRedirects:
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

// redacted returns a URL without its user and query, which often hold secrets.
func redacted(u *url.URL) string {
	return (&url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}).String()
}

// withoutURL removes the URL, which includes the query, from an error of the client.
func withoutURL(err error) error {
	var failed *url.Error
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
