package healthprobe

import (
	"context"
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
func (p *HTTPProbe) ask(r *http.Request, at endpointAt) (*http.Response, error) {
	if !p.FollowRedirects {
		return at.RoundTrip(r)
	}
	answer, err := (&http.Client{Transport: at}).Do(r)
	if wrapped := (*url.Error)(nil); errors.As(err, &wrapped) { // it repeats method and URL
		err = wrapped.Err
	}
	return answer, err
}

// endpointAt sends each request to one address, whatever its URL says, over the connection that was kept or a new one.
type endpointAt struct {
	probe *HTTPProbe
	kept  *probeState
}

// RoundTrip implements http.RoundTripper. Its errors are complete, as Check returns them.
func (a endpointAt) RoundTrip(r *http.Request) (*http.Response, error) {
	if has := a.probe.scheme(a.kept.to); r.URL.Scheme != has {
		return nil, fmt.Errorf("%s: redirected to %.20s; the probe speaks %s", a.probe.name, r.URL.Scheme, has)
	}
	if idle := a.kept.take(r.Context()); idle != nil {
		answer, err := a.over(idle, r)
		if err == nil || idle.answered || r.Context().Err() != nil {
			return answer, err
		}
		r = rewound(r.Context(), r) // the endpoint closed the connection in the meantime, as it may
	}
	connected, err := a.probe.connect(r.Context(), a.kept.to)
	if err != nil {
		return nil, err
	}
	return a.over(connected, r)
}

// rewound is a request once more, from the beginning of its body.
func rewound(ctx context.Context, r *http.Request) *http.Request {
	r = r.WithContext(ctx)
	if r.GetBody != nil {
		r.Body, _ = r.GetBody() // has no way to fail, being a string
	}
	return r
}

// over sends a request over a connection, which is closed if there is no answer.
func (a endpointAt) over(connected *conn, r *http.Request) (*http.Response, error) {
	answer, err := a.exchange(connected, r)
	if err != nil {
		connected.Close()
		return nil, fmt.Errorf("%s: %w", a.probe.name, reason(r.Context(), err))
	}
	return answer, nil
}

func (a endpointAt) exchange(connected *conn, r *http.Request) (*http.Response, error) {
	switch versions := a.probe.versions; {
	case connected.protocol == "h2", versions.UnencryptedHTTP2(), a.kept.to.h2c && len(a.probe.Versions) == 0:
		return exchangeHTTP2(connected, r)
	case versions.HTTP2() && !versions.HTTP1():
		return nil, errors.New("HTTP/2 was not agreed on")
	}
	return exchangeHTTP1(connected, r, a.kept)
}
