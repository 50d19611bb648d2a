package lbpolicy

import (
	"net/http"
	"net/url"
	"strings"
)

// valuePlace is where a request has a value.
type valuePlace int

const (
	inHeader valuePlace = iota
	inQuery
	inPath
)

// valueOf returns the first value of a name that is not empty, "" if there is none.
func (p valuePlace) valueOf(r *http.Request, name string) string {
	switch {
	case r == nil:
		return ""
	case p == inQuery:
		return queryValue(r.URL.RawQuery, name)
	case p == inPath:
		return pathValue(r.URL.Path, name)
	case name == "Host": // net/http keeps it elsewhere
		return r.Host
	}
	for _, value := range r.Header[name] {
		if value != "" {
			return value
		}
	}
	return ""
}

// queryValue finds a parameter of a query. It allocates only for what is escaped.
func queryValue(query, name string) string {
	for query != "" {
		var pair string
		pair, query, _ = strings.Cut(query, "&")
		key, value, _ := strings.Cut(pair, "=")
		if value != "" && (key == name || unescaped(key) == name) {
			if value = unescaped(value); value != "" {
				return value
			}
		}
	}
	return ""
}

// unescaped returns the text that is escaped in a query, "" if it is not escaped properly.
func unescaped(text string) string {
	if !strings.ContainsAny(text, "%+") {
		return text
	}
	text, _ = url.QueryUnescape(text)
	return text
}

// pathValue finds a parameter in a path, such as `route` in `/a;route=b/c`. RFC 3986, section 3.3
// has the form.
func pathValue(path, name string) string {
	for {
		_, after, found := strings.Cut(path, ";")
		if !found {
			return ""
		}
		path = after
		end := strings.IndexAny(after, ";/")
		if end < 0 {
			end = len(after)
		}
		key, value, _ := strings.Cut(after[:end], "=")
		if key == name && value != "" {
			return value
		}
	}
}
