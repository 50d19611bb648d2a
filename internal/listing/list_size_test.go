package listing

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

func TestAListMayHaveSoManyEntries(t *testing.T) {
	for text, entries := range map[string]int{
		`["a:1", "b:1", "c:1"]`:                3,
		`[0, 0, 0]`:                            3,
		`["a:1", {"targets": ["b:1", "c:1"]}]`: 3,
		`[{"targets": []}, {"targets": ["a:1"]}, {"labels": {}}]`:       3,
		"- a:1\n- b:1\n- targets: [c:1]\n":                              3,
		"- targets: [a:1, b:1]\n- c:1\n- targets: []\n- targets: [d:1]": 5,
	} {
		if _, err := DecodeEntries("web", []byte(text), entries); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		_, err := DecodeEntries("web", []byte(text), entries-1)
		want := fmt.Sprintf("has more than %d entries; max_endpoints of the pool allows more", entries-1)
		if err == nil || err.Error() != want {
			t.Errorf("%s: got %v; want %s", text, err, want)
		}
	}
}

func TestAHundredMistakesAreKeptAndAllAreCounted(t *testing.T) {
	text := `["a:1",` + strings.Repeat("0,", 499) + `"b:1", 0]`
	got, err := DecodeEntries("web.json", []byte(text), someLimit)
	if err != nil || len(got.Infos) != 2 || len(got.Mistakes) != 100 || got.Invalid != 500 {
		t.Errorf("%d endpoints, %d mistakes kept of %d, %v", len(got.Infos), len(got.Mistakes), got.Invalid, err)
	}
}

func TestLabelsCountForEachTargetOfTheirGroup(t *testing.T) {
	targets := make([]string, 5000)
	for i := range targets {
		targets[i] = fmt.Sprintf(`"h%d:1"`, i)
	}
	list := func(label int) []byte {
		return fmt.Appendf(nil, `[{"targets":[%s],"labels":{"a":"%s"}}]`, strings.Join(targets, ","), strings.Repeat("x", label))
	}
	if got, err := DecodeList("web.json", list(1000), someLimit); err != nil || len(got) != len(targets) {
		t.Errorf("%d endpoints, %v", len(got), err)
	}
	want := "web.json:1: labels: have more than 8388608 bytes, which count for each target of a group"
	if _, err := DecodeList("web.json", list(2000), someLimit); err == nil || err.Error() != want {
		t.Errorf("got %v", err)
	}
}

func TestALongListInYAMLIsReadInPartsAsItIsAtOnce(t *testing.T) {
	infos := manyInfos(5000)
	infos[4000].Metadata["note"] = "- a\n- b\n" // several lines, which look like entries
	text, err := yaml.Marshal(asMaps(t, infos))
	if err != nil || countValues(text) <= wholeValues {
		t.Fatal(err, countValues(text))
	}
	for _, head := range []string{"", "---\n", "# a comment\n---\n\n# another\n"} {
		// Normalize refuses control characters, and so the entry with several lines.
		got, err := DecodeEntries("web.yaml", append([]byte(head), text...), someLimit)
		want := append(append([]Info(nil), infos[:4000]...), infos[4001:]...)
		if err != nil || !reflect.DeepEqual(got.Infos, want) || got.Invalid != 1 {
			t.Errorf("%q: %d endpoints, %v, %v", head, len(got.Infos), got.Mistakes, err)
		}
	}
}

func asMaps(t *testing.T, infos []Info) (all []map[string]any) {
	t.Helper()
	for _, i := range infos {
		all = append(all, map[string]any{
			"address": i.Address, "weight": i.Weight, "id": i.ID, "zone": i.Zone,
			"max_requests": i.MaxRequests, "metadata": i.Metadata,
		})
	}
	return all
}

func TestAMistakeInAPartHasItsLineInTheList(t *testing.T) {
	head := ""
	for i := range 9999 {
		head += fmt.Sprintf("- {address: 'a%d:1', weight: 1}\n", i)
	}
	for tail, want := range map[string]string{
		"- b:1\n- b\n":                         "web.yaml:10001: entry 10001 (b): address: \"b\" has no port; " + "expected " + addressExample,
		"- b:1\n- {weight: x}\n":               "web.yaml:10001: entry 10001: weight: is text; expected a whole number between 0 and 65535",
		"- b:1\n- address: c:1\n  weight: x\n": "web.yaml:10002: entry 10001 (c:1): weight: is text; expected a whole number between 0 and 65535",
		"- b:1\n- {weight: 1}}\n":              "web.yaml:10001: did not find expected '-' indicator",
	} {
		_, err := DecodeList("web.yaml", []byte(head+tail), 20_000)
		if err == nil || err.Error() != want {
			t.Errorf("%q:\ngot  %v\nwant %s", tail, err, want)
		}
	}
}
