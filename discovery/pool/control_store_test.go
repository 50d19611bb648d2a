package pool

import (
	"strings"
	"testing"
)

func TestARecordOfWhatOperatorsDecidedIsWholeOrGivenUp(t *testing.T) {
	for text, want := range map[string]string{
		`{"version":1}`: "",
		`{"version":1,"overrides":{"a:1":{"state":"drain"}}}`:                                     "",
		`{"version":1,"frozen":{"revision":3},"endpoints":[{"address":"a:1","weight":1}]}`:        "",
		`{"version":1,"frozen":{"revision":3},"endpoints":[{"address":"a:1"},{"address":"a:1"}]}`: "a:1 is there twice",
		`{"version":1,"frozen":{"revision":3},"endpoints":[{"address":"a"}]}`:                     "endpoints: ",
		`{"version":1,"frozen":{"revision":3}}`:                                                   "the frozen list is missing",
		`{"version":2}`:                                                                           "version: is 2",
		`{"version":1,"overr`:                                                                     "unexpected end",
		`[1,2]`:                                                                                   "cannot unmarshal",
		``:                                                                                        "unexpected end",
		`null`:                                                                                    "version: is 0",
	} {
		_, err := decodeControl([]byte(text))
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
}
