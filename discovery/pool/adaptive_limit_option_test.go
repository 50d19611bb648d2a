package pool

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestTheBoundsOfAnAdaptiveLimitAreChecked(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:                     "",
		`{"min": 1, "max": 1}`:   "",
		`{"tolerance": 10}`:      "",
		`{"min": 0}`:             "min: is 0",
		`{"min": -1}`:            "adaptive_limit: min: -1 is not a number from 1 to 1000000",
		`{"max": 1000001}`:       "adaptive_limit: max: 1000001 is not a number from 1 to 1000000",
		`{"max": 2}`:             "adaptive_limit: max: 2 is below min, which is 3",
		`{"min": 20, "max": 10}`: "adaptive_limit: max: 10 is below min, which is 20",
		`{"tolerance": 1}`:       "adaptive_limit: tolerance: 1 is not a number from 1.1 to 10",
		`{"tolerance": 11}`:      "adaptive_limit: tolerance: 11 is not a number from 1.1 to 10",
	} {
		var o LimitOptions
		err := json.Unmarshal([]byte(`{"adaptive_limit": `+text+`}`), &o)
		if err == nil {
			err = o.check()
		}
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
}
