package jsonlist_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/jsonlist"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

type entry struct{ Name string }

func TestDecodeReadsTheEntriesOfAList(t *testing.T) {
	for text, want := range map[string][]entry{
		`null`:                              nil,
		` [ ]`:                              nil,
		`[{"name":"a"}, {"name":"b"},null]`: {{"a"}, {"b"}, {}},
	} {
		got, err := jsonlist.Decode[entry]([]byte(text), 3, 100)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %v, %v", text, got, err)
		}
	}
}

func TestDecodeRefusesWhatIsNoSuchList(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:            "is an object; expected a list",
		`"a"`:           `is "a"; expected a list`,
		`[{},{},{},{}]`: "has more than 3 entries",
		`[{"name":"` + strings.Repeat("a", 90) + `"}]`: "entry 1 has 101 bytes; expected at most 100",
		`[1]`:     "cannot unmarshal number",
		`[{} {}]`: "expected comma after array element",
		`[{}`:     "EOF",
		``:        "EOF",
	} {
		_, err := jsonlist.Decode[entry]([]byte(text), 3, 100)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v; want %s", text, err, want)
		}
	}
}

func TestDecodeIsCheapWhateverTheListHolds(t *testing.T) {
	type large struct {
		Fields [20]string
		Many   []struct{ Status string }
	}
	for what, entry := range sourcetest.HostileEntries {
		t.Run(what, func(t *testing.T) {
			text := []byte("[" + sourcetest.Repeated(entry, sourcetest.HostileSize) + "]")
			sourcetest.WantCheap(t, func() { _, _ = jsonlist.Decode[large](text, 10_000, 64<<10) })
		})
	}
}
