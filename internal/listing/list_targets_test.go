package listing

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// entriesOf decodes a list that a program wrote, and returns the addresses and the mistakes.
func entriesOf(t *testing.T, name, data string) (addresses []string, mistakes string) {
	t.Helper()
	infos, wrong, err := DecodeEntries(name, []byte(data))
	if err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	for _, info := range infos {
		addresses = append(addresses, info.Address)
	}
	var texts []string
	for _, err := range wrong {
		texts = append(texts, err.Error())
	}
	return addresses, strings.Join(texts, "\n")
}

func TestABadTargetCostsOnlyItself(t *testing.T) {
	for bad, why := range map[string]string{
		`"a:1"`:          `entry 1 (a:1): address: is already in entry 1 on line 1`,
		`"10.0.0.9"`:     `entry 1 (10.0.0.9): address: "10.0.0.9" has no port; expected a host and port such as 10.0.0.7:8080`,
		`"10.0.0.9:0"`:   `entry 1 (10.0.0.9:0): address: "10.0.0.9:0" has no port; expected a host and port such as 10.0.0.7:8080`,
		`"10.0.0.9/32"`:  `entry 1 (10.0.0.9/32): address: `,
		`"http://c:80/"`: `entry 1 (http://c:80/): address: "http://c:80/" is a URL; expected a host and port such as 10.0.0.7:8080`,
		`"c:1-2"`:        `entry 1 (c:1-2): address: "c:1-2" means 2 sockets; expected one port`,
		`""`:             `entry 1: address: is missing; expected a host and port such as 10.0.0.7:8080`,
		`null`:           `entry 1: targets: is null; expected text`,
		`80`:             `entry 1: targets: 80 is a number; expected text, so put it in quotes`,
		`["c:1"]`:        `entry 1: targets: is a list; expected text`,
		`{"a": "b"}`:     `entry 1: targets: is an object; expected text`,
	} {
		for _, list := range []string{
			`[{"targets": ["a:1", %s, "b:1"]}, {"targets": ["z:1"]}]`,
			`[{"targets": ["a:1", "b:1", %s]}, "z:1"]`,
		} {
			got, mistakes := entriesOf(t, "list", fmt.Sprintf(list, bad))
			if want := []string{"a:1", "b:1", "z:1"}; !reflect.DeepEqual(got, want) || !strings.HasPrefix(mistakes, why) || strings.Contains(mistakes, "\n") {
				t.Errorf("%s in %s: got %v\n  mistakes %s\n  want     %s", bad, list, got, mistakes, why)
			}
		}
	}
}

func TestTheOrderOfTargetsDoesNotMatter(t *testing.T) {
	for _, targets := range []string{`"a:1","x","b:1","c:1"`, `"c:1","b:1","a:1","x"`, `"x","c:1","a:1","b:1"`, `"b:1","x","y","x","a:1","c:1"`} {
		got, mistakes := entriesOf(t, "list", `[{"targets": [`+targets+`]}]`)
		if len(got) != 3 || strings.Count(mistakes, `(x)`) == 0 {
			t.Errorf("%s: got %v, mistakes %s", targets, got, mistakes)
		}
	}
}

func TestABadLabelCostsOnlyItself(t *testing.T) {
	for labels, c := range map[string]struct {
		want Info
		why  string
	}{
		`{"weight": "heavy", "zone": "a"}`:           {Info{Weight: 1, Zone: "a"}, "entry 1: weight: heavy is not a whole number in decimal digits"},
		`{"weight": -1, "job": "web"}`:               {Info{Weight: 1, Metadata: map[string]string{"job": "web"}}, "entry 1: weight: -1 is not between 0 and 65535"},
		`{"job": ["web"], "weight": "3"}`:            {Info{Weight: 3}, `entry 1: labels: "job" is a list; expected text`},
		`{"job": {}, "env": "prod"}`:                 {Info{Weight: 1, Metadata: map[string]string{"env": "prod"}}, `entry 1: labels: "job" is an object; expected text`},
		`{"zone": "a", "job": "b", "zone": "c"}`:     {Info{Weight: 1, Zone: "a", Metadata: map[string]string{"job": "b"}}, `entry 1: labels: "zone" is there twice`},
		`{"job": "a\nb", "zone": "\u0007"}`:          {Info{Weight: 1}, `entry 1: labels: "job": "a\nb" has a control character` + "\n" + `entry 1: labels: "zone": "\a" has a control character`},
		`["job"]`:                                    {Info{Weight: 1}, "entry 1: labels: is a list; expected an object"},
		`"job"`:                                      {Info{Weight: 1}, "entry 1: labels: is text; expected an object"},
		`{"job": "web"}, "labels": {"job": "db"}`:    {Info{Weight: 1, Metadata: map[string]string{"job": "web"}}, "entry 1: labels: is there twice"},
		`{}, "weight": 3`:                            {Info{Weight: 1}, `entry 1: unknown field "weight"; the fields are targets and labels`},
		`{"weight": 3, "canary": true, "v": 1.10}`:   {Info{Weight: 3, Metadata: map[string]string{"canary": "true", "v": "1.10"}}, ""},
		`{"weight": "", "zone": "", "canary": null}`: {Info{Weight: 1}, ""},
	} {
		data := `[{"labels": ` + labels + `, "targets": ["a:1", "b:1"]}]`
		infos, _, err := DecodeEntries("list", []byte(data))
		_, mistakes := entriesOf(t, "list", data)
		first, second := c.want, c.want
		first.Address, second.Address = "a:1", "b:1"
		if err != nil || !reflect.DeepEqual(infos, []Info{first, second}) || mistakes != c.why {
			t.Errorf("%s: got %+v, %v\n  mistakes %s\n  want     %s", labels, infos, err, mistakes, c.why)
		}
	}
}

func TestEmptyFormsOfGroupsAreReadAsPrometheusReadsThem(t *testing.T) {
	for _, c := range []struct{ name, data string }{
		{"web.json", `[{"targets": ["a:1"], "labels": null}]`},
		{"web.json", `[{"targets": ["a:1"], "labels": {}}, {"targets": null}]`},
		{"web.json", `[{"targets": []}, {"targets": ["a:1"]}, {"labels": {"job": "web"}}]`},
		{"web.json", `[{}, {"targets": ["a:1"]}, {}]`},
		{"web.json", `[{"targets": null, "labels": null}, {"targets": ["a:1"]}]`},
		{"web.yaml", "- targets: [a:1]\n  labels:\n"},
		{"web.yaml", "- targets:\n- targets: [a:1]\n"},
		{"web.yaml", "- targets:\n  labels:\n- {}\n- labels: ~\n  targets:\n  - a:1\n"},
	} {
		list, err := DecodeList(c.name, []byte(c.data))
		if want := []Info{{Address: "a:1", Weight: 1}}; err != nil || !reflect.DeepEqual(list, want) {
			t.Errorf("%s: got %+v, %v", c.data, list, err)
		}
	}
}

func TestATargetInTwoGroupsBelongsToTheFirst(t *testing.T) {
	const data = "- targets: [a:1, b:1]\n  labels: {zone: one}\n- targets: [c:1, a:1]\n  labels: {zone: two}\n- targets:\n  - tcp/A:1\n"
	want := []Info{{Address: "a:1", Weight: 1, Zone: "one"}, {Address: "b:1", Weight: 1, Zone: "one"}, {Address: "c:1", Weight: 1, Zone: "two"}}
	list, repeated, err := DecodeFile("web.yaml", []byte(data))
	if err != nil || !reflect.DeepEqual(list, want) {
		t.Errorf("got %+v, %v", list, err)
	}
	if got := fmt.Sprint(repeated); got != "[web.yaml:3: entry 2 (a:1): address: is already in entry 1 on line 1 "+
		"web.yaml:6: entry 3 (tcp/A:1): address: is already in entry 1 on line 1]" {
		t.Errorf("named %s", got)
	}
	if _, mistakes := entriesOf(t, "web.yaml", data); mistakes != "entry 2 (a:1): address: is already in entry 1 on line 1\n"+
		"entry 3 (tcp/A:1): address: is already in entry 1 on line 1" {
		t.Errorf("named %s", mistakes)
	}
}

func TestANullEntryIsDroppedAlone(t *testing.T) {
	got, mistakes := entriesOf(t, "list", `["a:1", null, {"targets": ["b:1"]}, null]`)
	if want := []string{"a:1", "b:1"}; !reflect.DeepEqual(got, want) ||
		mistakes != "entry 2: is null; expected an address or an object with an address\n"+
			"entry 4: is null; expected an address or an object with an address" {
		t.Errorf("got %v, mistakes %s", got, mistakes)
	}
}

func TestAnchorsAndMergeKeysStandForWhatTheyName(t *testing.T) {
	plain := "- {targets: [a:1], labels: {job: web, env: prod, zone: z, weight: 3}}\n" +
		"- {targets: [b:1], labels: {job: web, env: prod, zone: z, weight: 3}}\n" +
		"- {targets: [c:1], labels: {job: db, env: prod, zone: z, weight: 3}}\n"
	want, err := DecodeList("web.yaml", []byte(plain))
	if err != nil {
		t.Fatal(err)
	}
	for what, data := range map[string]string{
		"an alias of labels": `
- targets: [a:1]
  labels: &web {job: web, env: prod, zone: z, weight: 3}
- targets: [b:1]
  labels: *web
- targets: [c:1]
  labels: {<<: *web, job: db}
`,
		"several merges": `
- targets: [a:1]
  labels:
    <<: [{zone: z, weight: 3}, &site {env: prod, zone: other}]
    job: web
- targets: [b:1]
  labels: &b
    job: web
    <<: {zone: z, weight: 3}
    <<: *site
- targets: [c:1]
  labels:
    <<: [{job: db}, *b]
`,
		"a merge of a whole group": `
- &a
  targets: [a:1]
  labels: {job: web, env: prod, zone: z, weight: 3}
- <<: *a
  targets: [b:1]
- targets: [c:1]
  labels: {job: db, env: &env prod, <<: {env: *env, zone: z}, weight: 3}
`,
	} {
		if got, err := DecodeList("web.yaml", []byte(data)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: got %+v, %v", what, got, err)
		}
	}
}

func TestAnchorsServeEndpointsToo(t *testing.T) {
	got, err := DecodeList("web.yaml", []byte("- &a {address: a:1, zone: z, metadata: &m {v: 2}}\n- {<<: *a, address: b:1}\n- {address: c:1, metadata: *m}\n"))
	v2 := map[string]string{"v": "2"}
	want := []Info{{Address: "a:1", Weight: 1, Zone: "z", Metadata: v2}, {Address: "b:1", Weight: 1, Zone: "z", Metadata: v2}, {Address: "c:1", Weight: 1, Metadata: v2}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestManyGroupsMayShareTheirLabels(t *testing.T) {
	var text strings.Builder
	text.WriteString("- targets: ['0:1']\n  labels: &l {a: 1, b: 2, c: 3, d: 4, e: 5, f: 6, g: 7, h: 8, i: 9}\n")
	for i := range 20_000 {
		fmt.Fprintf(&text, "- targets: [h%d:1]\n  labels: *l\n", i)
	}
	if list, err := DecodeList("web.yaml", []byte(text.String())); err != nil || len(list) != 20_001 || list[20_000].Metadata["i"] != "9" {
		t.Errorf("got %d endpoints, %v", len(list), err)
	}
}

func TestTheLabelsOfManyTargetsAreBounded(t *testing.T) {
	targets := make([]string, 20_000)
	for i := range targets {
		targets[i] = fmt.Sprintf("h%d:1", i)
	}
	list := func(label int) string {
		text, err := json.Marshal([]any{map[string]any{"targets": targets, "labels": map[string]string{"x": strings.Repeat("x", label)}}, "z:1"})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if got, mistakes := entriesOf(t, "list", list(800)); len(got) != 20_001 || mistakes != "" {
		t.Errorf("got %d endpoints, mistakes %s", len(got), mistakes)
	}
	want := "entry 1: labels: are 1001 bytes at each of 20000 targets; those of all targets together may have 16777216"
	if got, mistakes := entriesOf(t, "list", list(1000)); len(got) != 1 || mistakes != want {
		t.Errorf("got %d endpoints, mistakes %s", len(got), mistakes)
	}
}
