package httpstatus

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const Expected = "a status such as 204, a class such as 2xx or a range such as 200-399"

// statusSet is a list of ranges.
type Set []Range

type Range struct{ first, last int }

var successful = Set{{200, 299}}

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

func ParseRange(text string) (Range, bool) {
	if class, ok := strings.CutSuffix(text, "xx"); ok {
		n, ok := statusNumber(class + "00")
		return Range{n, n + 99}, ok
	}
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	first, ok1 := statusNumber(low)
	last, ok2 := statusNumber(high)
	return Range{first, last}, ok1 && ok2 && first <= last
}

// statusNumber takes what can be on an answer's first line: three digits of a known class.
func statusNumber(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil && len(text) == 3 && 100 <= n && n < 600
}

func (s Set) Has(status int) bool {
	for _, r := range s {
		if r.first <= status && status <= r.last {
			return true
		}
	}
	return false
}
