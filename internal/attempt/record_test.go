package attempt

import (
	"testing"
	"time"
)

func TestAttemptsAreReadableAsAText(t *testing.T) {
	records := Records{
		{Address: "10.0.0.1:80", Outcome: "failed", Reason: "refused", Connect: -1, FirstByte: -1, LastByte: -1},
		{
			Address: "10.0.0.2:80", Outcome: "worked", Reason: "answered", Status: 200,
			FirstByte: 12 * time.Millisecond, LastByte: time.Second,
		},
		{Address: "unix//a", Outcome: "pending", Connect: -1, FirstByte: -1, LastByte: -1},
	}
	const want = "10.0.0.1:80 failed refused - - - -, 10.0.0.2:80 worked answered 200 0.000 0.012 1.000, " +
		"unix//a pending - - - - -"
	if got := records.String(); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := (Records{}).String(); got != "" {
		t.Errorf("no attempts are %q", got)
	}
}
