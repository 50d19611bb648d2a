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
)

// requestTemplate builds the requests of a probe. What is the same for all endpoints is built once
// and shared by their requests.
type requestTemplate struct {
	method          string
	uri, host, body template
	url             *url.URL    // uri, if it does not vary
	header          http.Header // fields, if none varies
	fields          []fieldTemplate
}

type fieldTemplate struct {
	name   string
	values []template
}

func (p *HTTPProbe) compileRequest() (r requestTemplate, err error) {
	r.method = cmp.Or(p.Method, http.MethodGet)
	if !httpguts.ValidHeaderFieldName(r.method) { // RFC 9110 calls both a token
		return r, fmt.Errorf("method: %.20q is not a method such as GET", r.method)
	}
	if r.uri, err = compileTemplate("uri", cmp.Or(p.URI, "/")); err != nil {
		return r, err
	}
	if !r.uri.varies() {
		if r.url, err = parseURI(r.uri.literal); err != nil {
			return r, err
		}
	}
	if r.host, err = compileTemplate("host", p.Host); err != nil {
		return r, err
	}
	if r.body, err = compileTemplate("body", p.Body); err != nil {
		return r, err
	}
	return r, r.compileFields(p.Headers)
}

// parseURI parses a path with its query. Its error does not quote the value, which may have a
// secret.
func parseURI(text string) (*url.URL, error) {
	parsed, err := url.ParseRequestURI(text)
	if err != nil || !strings.HasPrefix(text, "/") {
		return nil, errors.New("uri: is not a path such as /healthz")
	}
	return parsed, nil
}

func (r *requestTemplate) compileFields(headers map[string][]string) error {
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
		f := fieldTemplate{name: name}
		for _, value := range values {
			t, err := compileTemplate("headers: "+name, value)
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

func (r *requestTemplate) headerFor(e *Endpoint) http.Header {
	if r.header != nil {
		return r.header
	}
	header := make(http.Header, len(r.fields))
	for _, f := range r.fields {
		for _, value := range f.values {
			header[f.name] = append(header[f.name], value.expand(e))
		}
	}
	return header
}

// build returns the request for one endpoint.
func (r *requestTemplate) build(e *Endpoint, a address, scheme string) (*http.Request, error) {
	target := url.URL{Scheme: scheme, Host: a.authority()}
	path := r.url
	if path == nil {
		var err error
		if path, err = parseURI(r.uri.expand(e)); err != nil {
			return nil, err
		}
	}
	target.Path, target.RawPath, target.RawQuery = path.Path, path.RawPath, path.RawQuery
	request := &http.Request{
		Method: r.method, URL: &target, Host: cmp.Or(r.host.expand(e), target.Host), Header: r.headerFor(e),
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
	}
	if body := r.body.expand(e); body != "" {
		request.ContentLength = int64(len(body))
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(body)), nil }
		request.Body, _ = request.GetBody()
	}
	return request, nil
}
