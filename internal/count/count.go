// Package count writes how many of something there are.
package count

import (
	"fmt"
	"strings"
)

// Of returns a number and what it counts: "1 request", "2 requests", "2 entries".
func Of[N ~int | ~int64](n N, what string) string {
	if n == 1 {
		return "1 " + what
	}
	if one, isEntry := strings.CutSuffix(what, "ry"); isEntry {
		return fmt.Sprintf("%d %sries", n, one)
	}
	return fmt.Sprintf("%d %ss", n, what)
}
