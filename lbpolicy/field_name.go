package lbpolicy

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// isName reports whether a text can be the name of a header field or of a cookie (RFC 9110, 5.6.2).
func isName(text string) bool {
	const symbols = "!#$%&'*+-.^_`|~"
	for _, c := range []byte(text) {
		isLetter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		isDigit := c >= '0' && c <= '9'
		if !isLetter && !isDigit && strings.IndexByte(symbols, c) < 0 {
			return false
		}
	}
	return text != ""
}

// checkCookieName returns an error if no request can have a cookie with this name.
func checkCookieName(name string) error {
	if !isName(name) {
		return fmt.Errorf("%q is not the name of a cookie; expected letters, digits, hyphens and the like, "+
			"such as session_id", name)
	}
	return nil
}

// checkFieldName returns an error if no request has a header field with this name when a policy
// sees it. Caddy removes the fields that are for one connection only.
func checkFieldName(name string) error {
	if !isName(name) {
		return fmt.Errorf("%q is not the name of a header field; expected letters, digits and hyphens, "+
			"such as X-Session", name)
	}
	if slices.Contains(connectionFields, http.CanonicalHeaderKey(name)) {
		return fmt.Errorf("%q is for a single connection, and no policy gets it; expected another field, "+
			"such as X-Session", name)
	}
	return nil
}

// checkPathParameter returns an error if no path can have a parameter with this name.
func checkPathParameter(name string) error {
	if strings.ContainsAny(name, ";/=?") {
		return fmt.Errorf("%q is not the name of a parameter in the path; expected a name alone, "+
			"such as jsessionid", name)
	}
	return nil
}

var connectionFields = []string{
	"Alt-Svc", "Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection", "Te",
	"Trailer", "Transfer-Encoding", "Upgrade",
}

// checkTokenField is checkFieldName for a field that the proxy sets, and that clients send back. A
// field that HTTP or browsers know would break answers.
func checkTokenField(name string) error {
	if err := checkFieldName(name); err != nil {
		return err
	}
	canonical := http.CanonicalHeaderKey(name)
	known := slices.ContainsFunc(knownPrefixes, func(p string) bool { return strings.HasPrefix(canonical, p) })
	if known || slices.Contains(knownFields, canonical) {
		return fmt.Errorf("%q has a meaning of its own in HTTP, and cannot carry a token; expected another field, "+
			"such as X-Session", name)
	}
	return nil
}

var (
	knownPrefixes = []string{"Accept", "Access-Control-", "Content-", "If-", "Proxy-", "Sec-", "X-Forwarded-"}

	knownFields = []string{
		"Age", "Allow", "Authorization", "Cache-Control", "Clear-Site-Data", "Cookie", "Date", "Etag", "Expect",
		"Expires", "Forwarded", "From", "Host", "Last-Modified", "Link", "Location", "Max-Forwards", "Origin",
		"Pragma", "Priority", "Range", "Referer", "Refresh", "Retry-After", "Server", "Server-Timing", "Set-Cookie",
		"Strict-Transport-Security", "User-Agent", "Vary", "Via", "Warning", "Www-Authenticate",
	}
)

// checkNames returns an error if a placeholder of a text is about a header field or a cookie that
// no request has.
func checkNames(text string) error {
	for _, placeholder := range placeholdersOf(text) {
		if name, ok := strings.CutPrefix(placeholder, "http.request.header."); ok {
			if err := checkFieldName(name); err != nil {
				return err
			}
		}
		if name, ok := strings.CutPrefix(placeholder, "http.request.cookie."); ok {
			if err := checkCookieName(name); err != nil {
				return err
			}
		}
	}
	return nil
}
