package healthprobe

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const expectedStatus = "a status such as 204, a class such as 2xx or a range such as 200-399"

// statusSet is a list of ranges.
type statusSet []statusRange

type statusRange struct{ first, last int }

var successful = statusSet{{200, 299}}

func parseStatuses(list []caddyhttp.WeakString) (statusSet, error) {
	if len(list) == 0 {
		return successful, nil
	}
	set := make(statusSet, len(list))
	for i, text := range list {
		var ok bool
		if set[i], ok = parseStatus(string(text)); !ok {
			return nil, fmt.Errorf("%.20q is not %s", text, expectedStatus)
		}
	}
	return set, nil
}

func parseStatus(text string) (statusRange, bool) {
	if class, ok := strings.CutSuffix(text, "xx"); ok {
		n, ok := statusNumber(class + "00")
		return statusRange{n, n + 99}, ok
	}
	low, high, isRange := strings.Cut(text, "-")
	if !isRange {
		high = low
	}
	first, ok1 := statusNumber(low)
	last, ok2 := statusNumber(high)
	return statusRange{first, last}, ok1 && ok2 && first <= last
}

// statusNumber takes what can be on an answer's first line: three digits of a known class.
func statusNumber(text string) (int, bool) {
	n, err := strconv.ParseUint(text, 10, 16)
	return int(n), err == nil && len(text) == 3 && 100 <= n && n < 600
}

func (s statusSet) has(status int) bool {
	for _, r := range s {
		if r.first <= status && status <= r.last {
			return true
		}
	}
	return false
}
