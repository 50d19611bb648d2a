// Package httpstatus reads settings that name HTTP status codes: `expect_status` of the http probe
// and `failure_status` of outlier detection. Both take the same three forms, so that a user learns
// them once: a code such as 204, a class such as 2xx, and a range such as 200-399.
package httpstatus

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// Expected describes the three forms of a Range in error messages. It completes the sentence "'x'
// is not ...".
const Expected = "a status such as 204, a class such as 2xx or a range such as 200-399"

// Set is the status codes of a setting: those that are in at least one of its ranges. A list beats
// a bitmap here, because nearly all sets have one range.
type Set []Range

// Range is the status codes from first to last, both included.
type Range struct{ first, last int }

var successful = Set{{200, 299}}

// Parse reads a set. An empty list is 2xx. The elements are WeakStrings because a code may also be
// a number in JSON.
func Parse(list []caddyhttp.WeakString) (Set, error) {
	if len(list) == 0 {
		return successful, nil
	}
	set := make(Set, len(list))
	for i, text := range list {
		var ok bool
		if set[i], ok = ParseRange(string(text)); !ok {
			return nil, fmt.Errorf("%.20q is not %s", text, Expected)
		}
	}
	return set, nil
}

// ParseRange reads one element of a set: a code, a class or a range. It reports whether text is
// one.
func ParseRange(text string) (Range, bool) {
	if class, ok := strings.CutSuffix(text, "xx"); ok {
		n, ok := parseCode(class + "00")
		return Range{n, n + 99}, ok
	}
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	first, firstOK := parseCode(low)
	last, lastOK := parseCode(high)
	return Range{first, last}, firstOK && lastOK && first <= last
}

// parseCode reads a code as it can stand in a status line: three digits, the first from 1 to 5.
func parseCode(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil && len(text) == 3 && 100 <= n && n < 600
}

// Contains reports whether a status code is in the set. Code 0, which stands for an attempt without
// an answer, is in no set.
func (s Set) Contains(code int) bool {
	for _, r := range s {
		if r.first <= code && code <= r.last {
			return true
		}
	}
	return false
}
