package lbpolicy

import (
	"net/http"
	"strings"
)

// cookieReader finds the values of cookies with one name, without allocating.
type cookieReader struct {
	lines []string // that are still to be read
	line  string   // what is left of the one that is being read
	value string   // of the cookie that next has found
}

func cookiesOf(r *http.Request) cookieReader {
	if r == nil {
		return cookieReader{}
	}
	return cookieReader{lines: r.Header["Cookie"]}
}

// next finds the next cookie with a value, and reports whether there is one.
func (c *cookieReader) next(name string) (found bool) {
	for {
		for c.line == "" {
			if len(c.lines) == 0 {
				return false
			}
			c.line, c.lines = c.lines[0], c.lines[1:]
		}
		var pair string
		pair, c.line, _ = strings.Cut(c.line, ";")
		var key string
		if key, c.value = cookiePair(pair); key == name && c.value != "" {
			return true
		}
	}
}

// cookiePair splits the name and the value of a cookie.
func cookiePair(pair string) (name, value string) {
	name, value, _ = strings.Cut(strings.TrimSpace(pair), "=")
	return name, strings.Trim(value, `"`)
}
