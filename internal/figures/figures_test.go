package figures

import (
	"testing"
	"time"
)

func TestMillisecondsHaveThreeDigits(t *testing.T) {
	for d, want := range map[time.Duration]string{
		3456 * time.Microsecond: "3.46", 34560 * time.Microsecond: "34.6", 345600 * time.Microsecond: "346",
		9999 * time.Microsecond: "10.0", 99990 * time.Microsecond: "100", 5 * time.Second: "5000",
	} {
		if got := Milliseconds(d); got != want {
			t.Errorf("%s: %s, want %s", d, got, want)
		}
	}
}
