package count

import "testing"

func TestOneIsSingularAndAllElseIsPlural(t *testing.T) {
	for want, got := range map[string]string{
		"0 requests": Of(0, "request"),
		"1 request":  Of(1, "request"),
		"2 requests": Of(2, "request"),
		"1 entry":    Of(int64(1), "entry"),
		"2 entries":  Of(2, "entry"),
		"2 retries":  Of(2, "retry"),
	} {
		if got != want {
			t.Errorf("got %q; want %q", got, want)
		}
	}
}
