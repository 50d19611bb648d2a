package healthprobe

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// parseVersions reads the setting of HTTP versions. It refuses combinations for which the version
// of the first byte would be a guess.
func parseVersions(list []string, tls bool) (http.Protocols, error) {
	var versions http.Protocols
	for _, version := range list {
		switch version {
		case "1.1":
			versions.SetHTTP1(true)
		case "2", "h2":
			versions.SetHTTP2(true)
		case "h2c":
			versions.SetUnencryptedHTTP2(true)
		default:
			return versions, fmt.Errorf("%.20q is not 1.1, 2 or h2c", version)
		}
	}
	switch {
	case versions.HTTP2() && !tls:
		return versions, errors.New("HTTP/2 needs tls; expected h2c for HTTP/2 without TLS")
	case versions.UnencryptedHTTP2() && (tls || len(list) > 1):
		return versions, errors.New("h2c conflicts with tls and with other versions")
	}
	return versions, nil
}

// offeredProtocols returns the application protocols that TLS offers.
func offeredProtocols(versions http.Protocols) (names []string) {
	if versions.HTTP2() {
		names = append(names, "h2")
	}
	if versions.HTTP1() || !versions.HTTP2() {
		names = append(names, "http/1.1")
	}
	return names
}

func (p *HTTPProbe) scheme(a address) string {
	if p.tlsFor(a) != nil {
		return "https"
	}
	return "http"
}

// do sends the request, and follows redirects if configured.
func (p *HTTPProbe) do(r *http.Request, transport endpointTransport) (*http.Response, error) {
	if !p.FollowRedirects {
		return transport.RoundTrip(r)
	}
	answer, err := (&http.Client{Transport: transport}).Do(r)
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) { // repeats method and URL
		err = wrapped.Err
	}
	return answer, err
}

// endpointTransport sends each request to the endpoint, whatever host its URL has, over the kept
// connection or a new one.
type endpointTransport struct {
	probe *HTTPProbe
	state *probeState
}

// RoundTrip implements http.RoundTripper. Its errors are complete, as Check returns them.
func (t endpointTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	if scheme := t.probe.scheme(t.state.address); r.URL.Scheme != scheme {
		return nil, fmt.Errorf("%s: redirected to %.20s; the probe speaks %s", t.probe.name, r.URL.Scheme, scheme)
	}
	if kept := t.state.takeConn(r.Context()); kept != nil {
		answer, err := t.sendOver(kept, r)
		if err == nil || kept.answered || r.Context().Err() != nil {
			return answer, err
		}
		r = rewind(r.Context(), r) // the endpoint has closed the kept connection, which it may
	}
	connected, err := t.probe.connect(r.Context(), t.state.address)
	if err != nil {
		return nil, err
	}
	return t.sendOver(connected, r)
}

// rewind returns a copy of the request with a fresh body.
func rewind(ctx context.Context, r *http.Request) *http.Request {
	r = r.WithContext(ctx)
	if r.GetBody != nil {
		r.Body, _ = r.GetBody() // cannot fail, because the body is a string
	}
	return r
}

// sendOver sends a request over a connection, and closes the connection if there is no answer.
func (t endpointTransport) sendOver(connected *conn, r *http.Request) (*http.Response, error) {
	answer, err := t.exchange(connected, r)
	if err != nil {
		connected.Close()
		return nil, fmt.Errorf("%s: %w", t.probe.name, Reason(r.Context(), err))
	}
	return answer, nil
}

func (t endpointTransport) exchange(connected *conn, r *http.Request) (*http.Response, error) {
	versions := t.probe.versions
	byAddress := t.state.address.h2c && len(t.probe.Versions) == 0
	switch {
	case connected.protocol == "h2", versions.UnencryptedHTTP2(), byAddress:
		return exchangeHTTP2(connected, r)
	case versions.HTTP2() && !versions.HTTP1():
		return nil, errors.New("TLS did not negotiate HTTP/2")
	}
	return exchangeHTTP1(connected, r, t.state)
}
