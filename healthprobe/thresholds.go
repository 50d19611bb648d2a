package healthprobe

import (
	"fmt"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/count"
	"github.com/caddy-balance/caddy-balance/internal/endpoint"
)

// thresholds are the numbers of results in a row that change a verdict. They have no state and no
// clock: a verdict is a function of the verdict before and one result.
type thresholds struct{ rise, fall int }

// next returns the verdict of a probe after one more result. The failure is zero if the check
// passed. The first result of an endpoint decides alone, because it is all that is known.
func (t thresholds) next(v endpoint.ProbeVerdict, failure endpoint.Failure, now time.Time) endpoint.ProbeVerdict {
	passed := failure.Reason == ""
	if !passed {
		v.Last = failure
	}
	switch {
	case passed == v.Passes:
		v.Streak = 0
	default:
		v.Streak++
	}
	needed := t.fall
	if passed {
		needed = t.rise
	}
	if passed != v.Passes && (!v.Checked || v.Streak >= needed) {
		v.Passes, v.Streak, v.Since = passed, 0, now
	}
	v.Checked, v.Waits = true, false
	return v
}

// reason describes why the verdict changed from old to v.
func (t thresholds) reason(old, v endpoint.ProbeVerdict) string {
	switch {
	case !old.Checked && v.Passes:
		return "its first check passed"
	case !old.Checked:
		return "its first check failed: " + v.Last.String()
	case v.Passes:
		return fmt.Sprintf("%d of %s passed", t.rise, count.Of(t.rise, "check"))
	}
	return fmt.Sprintf("%d of %s failed, last: %s", t.fall, count.Of(t.fall, "check"), v.Last)
}
