package healthprobe

import (
	"errors"
	"net/url"
	"path"
	"strings"
)

// fastCGIRequest builds the parameters of a request.
type fastCGIRequest struct {
	uri, root template
	further   map[string]template
}

func compileFastCGIRequest(uri, root string, params map[string]string) (r fastCGIRequest, err error) {
	if r.uri, err = compileTemplate("uri", uri); err != nil {
		return r, err
	}
	if !r.uri.varies() {
		if _, err := parseURI(r.uri.literal); err != nil {
			return r, err
		}
	}
	if r.root, err = compileTemplate("root", root); err != nil {
		return r, err
	}
	r.further = make(map[string]template, len(params))
	for name, value := range params {
		if name == "" {
			return r, errors.New("params: the name of a parameter is empty")
		}
		if r.further[name], err = compileTemplate("params: "+name, value); err != nil {
			return r, err
		}
	}
	return r, nil
}

// params returns the parameters for one endpoint, as CGI (RFC 3875) and php-fpm name them.
func (r *fastCGIRequest) params(e *Endpoint) (map[string]string, error) {
	uri, err := parseURI(r.uri.expand(e))
	if err != nil {
		return nil, err
	}
	host, port := hostPort(e.Address)
	root := r.root.expand(e)
	params := map[string]string{
		"GATEWAY_INTERFACE": "CGI/1.1",
		"SERVER_SOFTWARE":   "caddy-balance",
		"SERVER_PROTOCOL":   "HTTP/1.1",
		"SERVER_NAME":       host,
		"SERVER_PORT":       port,
		"REMOTE_ADDR":       "127.0.0.1",
		"REQUEST_METHOD":    "GET",
		"REQUEST_URI":       uri.RequestURI(),
		"QUERY_STRING":      uri.RawQuery,
		"DOCUMENT_URI":      uri.Path,
		"DOCUMENT_ROOT":     root,
		"SCRIPT_NAME":       uri.Path,
		"SCRIPT_FILENAME":   scriptFile(root, uri),
		"CONTENT_LENGTH":    "0",
		"HTTP_HOST":         host,
		"HTTP_USER_AGENT":   "caddy-balance",
	}
	for name, value := range r.further {
		params[name] = value.expand(e)
	}
	return params, nil
}

// scriptFile returns the file of a script. The path may have values of the endpoint, which must not
// lead out of the root.
func scriptFile(root string, uri *url.URL) string {
	if root == "" {
		return uri.Path
	}
	return strings.TrimSuffix(root, "/") + path.Clean(uri.Path)
}

// appendParam appends a parameter in the form of the protocol: the lengths of name and value, each
// in one byte or in four, and then both.
func appendParam(to []byte, name, value string) []byte {
	for _, length := range []int{len(name), len(value)} {
		if length < 1<<7 {
			to = append(to, byte(length))
		} else {
			to = append(to, byte(length>>24)|1<<7, byte(length>>16), byte(length>>8), byte(length))
		}
	}
	return append(append(to, name...), value...)
}
