package healthprobe

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
)

// parseVersions takes the combinations that leave no doubt about what to speak first.
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
		return versions, errors.New("HTTP/2 needs tls; expected h2c to speak it without")
	case versions.UnencryptedHTTP2() && (tls || len(list) > 1):
		return versions, errors.New("h2c goes with neither tls nor other versions")
	}
	return versions, nil
}

// offered is what TLS gets to choose from.
func offered(versions http.Protocols) (names []string) {
	if versions.HTTP2() {
		names = append(names, "h2")
	}
	if versions.HTTP1() || !versions.HTTP2() {
		names = append(names, "http/1.1")
	}
	return names
}

func (p *HTTPProbe) scheme(to address) string {
	if p.tlsFor(to) != nil {
		return "https"
	}
	return "http"
}

// ask sends the request, and those that redirects ask for.
func (p *HTTPProbe) ask(r *http.Request, to address) (*http.Response, error) {
	at := endpointAt{p, to}
	if !p.FollowRedirects {
		return at.RoundTrip(r)
	}
	answer, err := (&http.Client{Transport: at}).Do(r)
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) { // it repeats method and URL
		err = wrapped.Err
	}
	return answer, err
}

// endpointAt sends each request to one address, whatever its URL says, over a connection of its own.
type endpointAt struct {
	probe *HTTPProbe
	to    address
}

// RoundTrip implements http.RoundTripper. Its errors are complete, as Check returns them.
func (a endpointAt) RoundTrip(r *http.Request) (*http.Response, error) {
	if has := a.probe.scheme(a.to); r.URL.Scheme != has {
		return nil, fmt.Errorf("%s: redirected to %.20s; the probe speaks %s", a.probe.name, r.URL.Scheme, has)
	}
	connected, err := a.probe.connect(r.Context(), a.to)
	if err != nil {
		return nil, err
	}
	answer, err := a.exchange(connected, r)
	if err != nil {
		connected.Close()
		return nil, fmt.Errorf("%s: %w", a.probe.name, reason(r.Context(), err))
	}
	return answer, nil
}

func (a endpointAt) exchange(connected *conn, r *http.Request) (*http.Response, error) {
	switch versions := a.probe.versions; {
	case connected.protocol == "h2", versions.UnencryptedHTTP2(), a.to.h2c && len(a.probe.Versions) == 0:
		return exchangeHTTP2(connected, r)
	case versions.HTTP2() && !versions.HTTP1():
		return nil, errors.New("HTTP/2 was not agreed on")
	}
	return exchangeHTTP1(connected, r)
}
