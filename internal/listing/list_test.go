package listing

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

func TestJSONAndYAMLGiveTheSameEndpoints(t *testing.T) {
	want := []Info{
		{
			Address: "10.0.0.7:8080", Weight: 3, ID: "web-7", Zone: "eu-1a", Priority: 1, MaxRequests: 200, Draining: true,
			Metadata: map[string]string{"version": "v2", "build": "1.10", "canary": "false", "note": "café \"😀\""},
		},
		{Address: "web.example:80", Weight: 1},
		{Address: "unix//run/app.sock", Weight: 1},
		{Address: "[2001:db8::1]:80", Weight: 0},
	}
	for _, name := range []string{"endpoints.json", "endpoints.yaml"} {
		if got := decodeFile(t, name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got  %+v\nwant %+v", name, got, want)
		}
	}
}

func TestPrometheusGroupsOfTargetsAreEndpoints(t *testing.T) {
	labels := map[string]string{"id": "shared", "job": "web", "__meta_datacenter": "fra"}
	want := []Info{
		{Address: "10.0.0.7:9100", Weight: 3, Zone: "eu-1a", Metadata: labels},
		{Address: "10.0.0.8:9100", Weight: 3, Zone: "eu-1a", Metadata: labels},
		{Address: "10.0.0.9:9100", Weight: 1},
	}
	for _, name := range []string{"targets.json", "targets.yaml"} {
		if got := decodeFile(t, name); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got  %+v\nwant %+v", name, got, want)
		}
	}
}

func TestAnEmptyListIsWrittenAsBrackets(t *testing.T) {
	for _, data := range []string{"[]", " [ ]\n", "\uFEFF[]"} {
		if got, err := DecodeList("web.json", []byte(data)); err != nil || got == nil || len(got) != 0 {
			t.Errorf("%q: got %v, %v; want an empty list", data, got, err)
		}
	}
	for _, data := range []string{"", " \n", "# nothing yet\n", "---\n", "\uFEFF"} {
		got, err := DecodeList("web.yaml", []byte(data))
		if err == nil || !strings.Contains(err.Error(), "is empty; an empty list is written as []") {
			t.Errorf("%q: got %v, %v; want an error that it is empty", data, got, err)
		}
	}
}

func TestTheTextDecidesTheFormatUnlessTheNameEndsInYAML(t *testing.T) {
	for _, c := range []struct{ name, data string }{
		{"https://registry/pool", "[\"a:80\"]"},
		{"https://registry/pool", "- a:80"},
		{"web.json", "- a:80"},
		{"web.yaml", "[{address: a:80}]"},
		{"web.yml", "\n[a:80]"},
	} {
		if got, err := DecodeList(c.name, []byte(c.data)); err != nil || len(got) != 1 || got[0].Address != "a:80" {
			t.Errorf("%s, %q: got %v, %v", c.name, c.data, got, err)
		}
	}
}

func TestAByteOrderMarkIsIgnored(t *testing.T) {
	data := "\uFEFF" + `[{"address": "a:1", "id": "\ud83d\ude00"}]` // YAML has no surrogate pairs
	if got, err := DecodeList("web.json", []byte(data)); err != nil || len(got) != 1 || got[0].ID != "😀" {
		t.Errorf("got %v, %v", got, err)
	}
}

func TestTheSizeOfAListIsLimited(t *testing.T) {
	data := []byte(strings.Repeat(" ", MaxListSize-2) + "[]")
	if _, err := DecodeList("web.json", data); err != nil {
		t.Errorf("a list of %d bytes: %v", len(data), err)
	}
	_, err := DecodeList("web.json", append(data, '\n'))
	if err == nil || err.Error() != "web.json: has 16777217 bytes; a list may have 16777216" {
		t.Errorf("got %v", err)
	}
}

func TestDecodedListsSurviveBothFormats(t *testing.T) {
	for _, name := range []string{"endpoints.json", "targets.json"} {
		surviveBothFormats(t, decodeFile(t, name))
	}
}

func FuzzDecodeList(f *testing.F) {
	paths, err := filepath.Glob("testdata/lists/*")
	if err != nil || len(paths) == 0 {
		f.Fatal("no seeds", err)
	}
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(filepath.Base(path), data)
	}
	for _, bad := range badLists {
		f.Add("web.json", []byte(bad.json))
		f.Add("web.yaml", []byte(bad.yaml))
	}
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		list, err := DecodeList(name, data)
		if err != nil {
			if list != nil || !strings.HasPrefix(err.Error(), name+":") {
				t.Fatalf("got %v with the error %v", list, err)
			}
			return
		}
		seen := make(map[string]bool)
		for _, info := range list {
			again := info
			if err := again.Normalize(); err != nil || !reflect.DeepEqual(again, info) {
				t.Fatalf("%+v is not normal: %+v, %v", info, again, err)
			}
			if seen[info.Address] {
				t.Fatalf("%s is in the list twice", info.Address)
			}
			seen[info.Address] = true
		}
		surviveBothFormats(t, list)
	})
}

// surviveBothFormats writes a list in both formats and expects to read the same list.
func surviveBothFormats(t *testing.T, list []Info) {
	t.Helper()
	asJSON, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeList("again.json", asJSON); err != nil || !reflect.DeepEqual(got, list) {
		t.Fatalf("in JSON %+v\nbecame %+v, %v", list, got, err)
	}
	var plain []map[string]any
	if err := json.Unmarshal(asJSON, &plain); err != nil {
		t.Fatal(err)
	}
	for _, fields := range plain {
		for name, value := range fields {
			if number, ok := value.(float64); ok {
				fields[name] = int(number) // a million would otherwise be 1e+06
			}
		}
	}
	asYAML, err := yaml.Marshal(plain)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := DecodeList("again.yaml", asYAML); err != nil || !reflect.DeepEqual(got, list) {
		t.Fatalf("in YAML %+v\nbecame %+v, %v\n%s", list, got, err, asYAML)
	}
}

func decodeFile(t *testing.T, name string) []Info {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "lists", name))
	if err != nil {
		t.Fatal(err)
	}
	list, err := DecodeList(name, data)
	if err != nil {
		t.Fatal(err)
	}
	return list
}
