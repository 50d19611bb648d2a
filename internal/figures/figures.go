// Package figures turns measured times into what a table shows.
package figures

import (
	"fmt"
	"time"
)

// Quantile returns a quantile of sorted values.
func Quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	return sorted[int(q*float64(len(sorted)))]
}

// Milliseconds formats a time with three digits and no exponent.
func Milliseconds(d time.Duration) string {
	v := float64(d) / float64(time.Millisecond)
	switch {
	case v >= 99.95:
		return fmt.Sprintf("%.0f", v)
	case v >= 9.995:
		return fmt.Sprintf("%.1f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// Percent formats a share with three digits.
func Percent(v float64) string { return fmt.Sprintf("%.3g %%", 100*v) }
