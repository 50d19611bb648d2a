package healthprobe

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"golang.org/x/net/http/httpguts"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// request makes the requests of a probe. What is the same for all endpoints is made once, and shared.
type request struct {
	method          string
	uri, host, body text
	url             *url.URL    // if uri does not vary
	header          http.Header // if no value varies
	fields          []field
}

type field struct {
	name   string
	values []text
}

func (p *HTTPProbe) compileRequest() (r request, err error) {
	r.method = cmp.Or(p.Method, http.MethodGet)
	if !httpguts.ValidHeaderFieldName(r.method) { // both are what RFC 9110 calls a token
		return r, fmt.Errorf("method: %.20q is not a method such as GET", r.method)
	}
	if r.uri, err = compile("uri", cmp.Or(p.URI, "/")); err != nil {
		return r, err
	}
	if !r.uri.varies() {
		if r.url, err = parseURI(r.uri.literal); err != nil {
			return r, err
		}
	}
	if r.host, err = compile("host", p.Host); err != nil {
		return r, err
	}
	if r.body, err = compile("body", p.Body); err != nil {
		return r, err
	}
	return r, r.compileFields(p.Headers)
}

// parseURI says nothing of a value that may hold a secret.
func parseURI(text string) (*url.URL, error) {
	parsed, err := url.ParseRequestURI(text)
	if err != nil || !strings.HasPrefix(text, "/") {
		return nil, errors.New("uri: is not a path such as /healthz")
	}
	return parsed, nil
}

func (r *request) compileFields(headers map[string][]string) error {
	given := map[string][]string{"User-Agent": {"caddy-balance"}}
	for name, values := range headers {
		if name = textproto.CanonicalMIMEHeaderKey(name); name == "Host" {
			return errors.New("headers: Host is set by host")
		}
		if !httpguts.ValidHeaderFieldName(name) {
			return fmt.Errorf("headers: %.100q is not the name of a field", name)
		}
		given[name] = values
	}
	varies := false
	for name, values := range given {
		f := field{name: name}
		for _, value := range values {
			t, err := compile("headers: "+name, value)
			if err != nil {
				return err
			}
			varies = varies || t.varies()
			f.values = append(f.values, t)
		}
		r.fields = append(r.fields, f)
	}
	if !varies {
		r.header = r.headerFor(nil)
	}
	return nil
}

func (r *request) headerFor(e *listing.Info) http.Header {
	if r.header != nil {
		return r.header
	}
	header := make(http.Header, len(r.fields))
	for _, f := range r.fields {
		for _, value := range f.values {
			header[f.name] = append(header[f.name], value.of(e))
		}
	}
	return header
}

// of is the request for one endpoint.
func (r *request) of(e *listing.Info, to address, scheme string) (*http.Request, error) {
	target := url.URL{Scheme: scheme, Host: to.authority()}
	path := r.url
	if path == nil {
		var err error
		if path, err = parseURI(r.uri.of(e)); err != nil {
			return nil, err
		}
	}
	target.Path, target.RawPath, target.RawQuery = path.Path, path.RawPath, path.RawQuery
	made := &http.Request{
		Method: r.method, URL: &target, Host: cmp.Or(r.host.of(e), target.Host), Header: r.headerFor(e),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if body := r.body.of(e); body != "" {
		made.ContentLength = int64(len(body))
		made.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		made.Body, _ = made.GetBody()
	}
	return made, nil
}
