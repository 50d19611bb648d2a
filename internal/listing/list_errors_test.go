package listing

import (
	"fmt"
	"strings"
	"testing"
)

const knownFields = "the fields are address, weight, id, zone, priority, max_requests, draining and metadata"

// badLists have one mistake each, in both formats. json or yaml is empty where the format cannot
// have that mistake.
var badLists = []struct{ why, json, jsonError, yaml, yamlError string }{
	{
		"a weight out of range",
		"[\n\"a:1\",\n\"b:1\",\n{\"address\": \"10.0.0.7:8080\",\n \"weight\": -1}]",
		"web.json:5: entry 3 (10.0.0.7:8080): weight: -1 is not between 0 and 65535",
		"- a:1\n- b:1\n- address: 10.0.0.7:8080\n  weight: 65536\n",
		"web.yaml:4: entry 3 (10.0.0.7:8080): weight: 65536 is not between 0 and 65535",
	},
	{
		"a value on the line below its name",
		"[{\"address\": \"a:1\", \"weight\":\n-1}]",
		"web.json:1: entry 1 (a:1): weight: -1 is not between 0 and 65535",
		"- address: a:1\n  weight:\n    -1\n",
		"web.yaml:2: entry 1 (a:1): weight: -1 is not between 0 and 65535",
	},
	{
		"text over two lines",
		"[\"a\n:1\"]",
		`web.json:1: invalid character '\n' in string literal`,
		"- \"a\n  :1\"\n",
		`web.yaml:1: entry 1 (a :1): address: "a :1" has a space, a placeholder or a control character`,
	},
	{
		"a number too large for any type",
		`[{"address": "a:1", "max_requests": 99999999999999999999}]`,
		"web.json:1: entry 1 (a:1): max_requests: 99999999999999999999 is not between 0 and 2147483647",
		"- address: a:1\n  priority: 99999999999999999999",
		"web.yaml:2: entry 1 (a:1): priority: 99999999999999999999 is not between 0 and 2147483647",
	},
	{
		"a number that is not whole",
		`[{"address": "a:1", "weight": 1.5}]`,
		"web.json:1: entry 1 (a:1): weight: 1.5 is not a whole number in decimal digits",
		"- address: a:1\n  weight: 010\n",
		"web.yaml:2: entry 1 (a:1): weight: 010 is not a whole number in decimal digits",
	},
	{
		"a number in quotes",
		`[{"address": "a:1", "weight": "3"}]`,
		"web.json:1: entry 1 (a:1): weight: is text; expected a whole number between 0 and 65535",
		"- address: a:1\n  weight: '3'\n",
		"web.yaml:2: entry 1 (a:1): weight: is text; expected a whole number between 0 and 65535",
	},
	{
		"text without quotes",
		`[{"address": "a:1", "id": 7}]`,
		"web.json:1: entry 1 (a:1): id: 7 is a number; expected text, so put it in quotes",
		"- address: a:1\n  zone: true\n",
		"web.yaml:2: entry 1 (a:1): zone: true is a boolean; expected text, so put it in quotes",
	},
	{
		"a value left out",
		`[{"address": "a:1", "zone": null}]`,
		"web.json:1: entry 1 (a:1): zone: is null; expected text",
		"- address: a:1\n  weight:\n",
		"web.yaml:2: entry 1 (a:1): weight: is null; expected a whole number between 0 and 65535",
	},
	{
		"a boolean by another name",
		`[{"address": "a:1", "draining": 1}]`,
		"web.json:1: entry 1 (a:1): draining: is a number; expected true or false",
		"- address: a:1\n  draining: yes\n",
		"web.yaml:2: entry 1 (a:1): draining: is text; expected true or false",
	},
	{
		"metadata in metadata",
		"[{\"address\": \"a:1\", \"metadata\": {\"a\": \"b\",\n\"c\": {}}}]",
		`web.json:2: entry 1 (a:1): metadata: "c" is an object; expected text`,
		"- address: a:1\n  metadata:\n    a: b\n    c: [d]\n",
		`web.yaml:4: entry 1 (a:1): metadata: "c" is a list; expected text`,
	},
	{
		"metadata that is not an object",
		`[{"address": "a:1", "metadata": ["b"]}]`,
		"web.json:1: entry 1 (a:1): metadata: is a list; expected an object",
		"- address: a:1\n  metadata: b\n",
		"web.yaml:2: entry 1 (a:1): metadata: is text; expected an object",
	},
	{
		"an unknown field",
		"[{\"address\": \"a:1\",\n\"wieght\": 3}]",
		`web.json:2: entry 1 (a:1): unknown field "wieght"; ` + knownFields,
		"- Address: a:1\n",
		`web.yaml:1: entry 1: unknown field "Address"; ` + knownFields,
	},
	{
		"a field twice",
		"[{\"address\": \"a:1\", \"weight\": 1,\n\"weight\": 2}]",
		"web.json:2: entry 1 (a:1): weight: is there twice",
		"- address: a:1\n  address: b:1\n",
		"web.yaml:2: entry 1 (a:1): address: is there twice",
	},
	{
		"a key of metadata twice",
		"[{\"address\": \"a:1\", \"metadata\": {\n\"k\": 1,\n\"k\": 2}}]",
		`web.json:3: entry 1 (a:1): metadata: "k" is there twice`,
		"- address: a:1\n  metadata:\n    k: 1\n    k: 2\n",
		`web.yaml:4: entry 1 (a:1): metadata: "k" is there twice`,
	},
	{
		"an address twice, in another form",
		"[\"web.example:80\",\n\"b:1\",\n{\"address\": \"tcp/Web.Example:80\"}]",
		"web.json:3: entry 3 (tcp/Web.Example:80): address: is already in entry 1 on line 1",
		"- b:1\n- '[::1]:80'\n- targets: ['[0::1]:80']\n",
		"web.yaml:3: entry 3 ([0::1]:80): address: is already in entry 2 on line 2",
	},
	{
		"no address",
		"[\n{\"weight\": 1}]",
		"web.json:2: entry 1: address: is missing; expected a host and port such as 10.0.0.7:8080",
		"- a:1\n- ''\n",
		"web.yaml:2: entry 2: address: is missing; expected a host and port such as 10.0.0.7:8080",
	},
	{
		"an address that cannot be dialed",
		"[{\"id\": \"x\",\n\"address\": \"10.0.0.7\"}]",
		`web.json:2: entry 1 (10.0.0.7): address: "10.0.0.7" has no port; expected a host and port such as 10.0.0.7:8080`,
		"- a:1\n- id: x\n  address: a:1-3\n",
		`web.yaml:3: entry 2 (a:1-3): address: "a:1-3" means 3 sockets; expected one port`,
	},
	{
		"an address that would break a terminal",
		`["\u001b[2Ja:1"]`,
		`web.json:1: entry 1 ("\x1b[2Ja:1"): address: "\x1b[2Ja:1" has a space, a placeholder or a control character`,
		"- \"a:1\\n\"\n",
		`web.yaml:1: entry 1 ("a:1\n"): address: "a:1\n" has a space, a placeholder or a control character`,
	},
	{
		"a control character in an ID",
		`[{"address": "a:1", "id": "\n"}]`,
		`web.json:1: entry 1 (a:1): id: "\n" has a control character`,
		"- address: a:1\n  zone: \"\\0\"\n",
		`web.yaml:2: entry 1 (a:1): zone: "\x00" has a control character`,
	},
	{
		"an entry that is neither text nor object",
		"[\"a:1\",\n80]",
		"web.json:2: entry 2: is a number; expected an address or an object with an address",
		"- a:1\n-\n",
		"web.yaml:2: entry 2: is null; expected an address or an object with an address",
	},
	{
		"no list",
		`{"address": "a:1"}`,
		"web.json:1: is an object; expected a list of endpoints",
		"a:1\n",
		"web.yaml:1: is text; expected a list of endpoints",
	},
	{
		"null",
		"null",
		"web.json:1: is null; expected a list of endpoints",
		"\n~\n",
		"web.yaml:2: is null; expected a list of endpoints",
	},
	{
		"an unknown field of a group",
		`[{"targets": ["a:1"], "weight": 3}]`,
		`web.json:1: entry 1: unknown field "weight"; the fields are targets and labels`,
		"- labels: {a: b}\n  target: [a:1]\n",
		`web.yaml:2: entry 1: unknown field "target"; the fields are targets and labels`,
	},
	{
		"a field of a group twice",
		`[{"targets": ["a:1"], "targets": []}]`,
		"web.json:1: entry 1: targets: is there twice",
		"- targets: [a:1]\n  labels: {}\n  labels: {}\n",
		"web.yaml:3: entry 1: labels: is there twice",
	},
	{
		"an object without fields among endpoints",
		"[\"a:1\",\n{}]",
		"web.json:2: entry 2: address: is missing; expected a host and port such as 10.0.0.7:8080",
		"- {}\n",
		"web.yaml:1: entry 1: address: is missing; expected a host and port such as 10.0.0.7:8080",
	},
	{
		"labels that are not an object",
		`[{"targets": [], "labels": ["a"]}]`,
		"web.json:1: entry 1: labels: is a list; expected an object",
		"- labels: none\n",
		"web.yaml:1: entry 1: labels: is text; expected an object",
	},
	{
		"a null among targets",
		"[{\"targets\": [\"a:1\",\nnull]}]",
		"web.json:2: entry 1: targets: is null; expected text",
		"- targets:\n  - a:1\n  -\n",
		"web.yaml:3: entry 1: targets: is null; expected text",
	},
	{
		"a null among groups",
		"[{\"targets\": [\"a:1\"]},\nnull]",
		"web.json:2: entry 2: is null; expected an address or an object with an address",
		"- targets: [a:1]\n-\n",
		"web.yaml:2: entry 2: is null; expected an address or an object with an address",
	},
	{
		"an endpoint that is a target too",
		"[{\"targets\": [\"a:1\"]},\n\"a:1\"]",
		"web.json:2: entry 2 (a:1): address: is already in entry 1 on line 1",
		"- a:1\n- targets: [a:1]\n",
		"web.yaml:2: entry 2 (a:1): address: is already in entry 1 on line 1",
	},
	{
		"a target that is not an address",
		"[{\"targets\": [\"a:1\",\n80]}]",
		"web.json:2: entry 1: targets: 80 is a number; expected text, so put it in quotes",
		"- targets: a:1\n",
		"web.yaml:1: entry 1: targets: is text; expected a list of addresses",
	},
	{
		"a weight label out of range",
		`[{"targets": ["a:1"], "labels": {"weight": "-1"}}]`,
		"web.json:1: entry 1: weight: -1 is not between 0 and 65535",
		"- targets: [a:1]\n  labels:\n    weight: heavy\n",
		"web.yaml:3: entry 1: weight: heavy is not a whole number in decimal digits",
	},
	{
		"trailing text",
		"[\"a:1\"]\n]",
		"web.json:2: invalid character ']' after top-level value",
		"- a:1\n---\n- b:1\n",
		"web.yaml:2: a second document starts here; expected one list",
	},
	{
		"half a list",
		"[\"a:1\",\n{\"address\"",
		"web.json:2: unexpected end of JSON input",
		"- a:1\n- \"b:1\n",
		"web.yaml:3: found unexpected end of stream",
	},
	{
		"a mistake in the text",
		"[\n\"a:1\"\n\"b:1\"]",
		"web.json:3: invalid character '\"' after array element",
		"- a:1\n- address: b:1\n  zone: c: d\n",
		"web.yaml:3: mapping values are not allowed in this context",
	},
	{
		"not UTF-8",
		"[\"a:1\",\n\"\xff\"]",
		"web.json:2: is not UTF-8",
		"- a:1\n- \xc3(\n",
		"web.yaml:2: is not UTF-8",
	},
	{
		"a control character in the text",
		"[\"a:1\",\n\x00]",
		`web.json:2: invalid character '\x00' looking for beginning of value`,
		"- a:1\n- \x00\n",
		"web.yaml:2: control characters are not allowed (value: 0)",
	},
	{
		why:       "an alias of its own parent",
		yaml:      "- &a [*a]\n",
		yamlError: `web.yaml:1: alias "a" stands for a value that contains it`,
	},
	{
		why:       "an alias of a bad value",
		yaml:      "- address: a:1\n  weight: &w heavy\n- address: b:1\n  weight: *w\n",
		yamlError: "web.yaml:2: entry 1 (a:1): weight: is text; expected a whole number between 0 and 65535",
	},
	{
		why:       "a bad value that comes from a merge",
		yaml:      "- targets: []\n  labels: &l\n    weight: heavy\n- targets: [a:1]\n  labels: {<<: *l}\n",
		yamlError: "web.yaml:3: entry 1: weight: heavy is not a whole number in decimal digits",
	},
	{
		why:       "an unknown anchor",
		yaml:      "- a:1\n- *b\n",
		yamlError: "web.yaml:2: unknown anchor 'b' referenced",
	},
	{
		why:       "a merge of no object",
		yaml:      "- address: a:1\n  <<: zone\n",
		yamlError: "web.yaml:2: <<: is text; expected an object or a list of objects",
	},
	{
		why:       "a merge key in quotes",
		yaml:      "- address: a:1\n  '<<': {zone: b}\n",
		yamlError: `web.yaml:2: entry 1 (a:1): unknown field "<<"; ` + knownFields,
	},
	{
		why:       "a tag",
		yaml:      "- a:1\n- !python/object b:1\n",
		yamlError: `web.yaml:2: tag "!python/object" is not known`,
	},
	{
		why:       "a list as the name of a field",
		yaml:      "- a:1\n- ? [b]\n  : c\n",
		yamlError: "web.yaml:2: the name of a field is not text",
	},
}

func TestErrorsNameTheLineTheEntryAndTheExpectation(t *testing.T) {
	for _, bad := range badLists {
		if bad.json != "" {
			wantListError(t, bad.why, "web.json", bad.json, bad.jsonError)
		}
		wantListError(t, bad.why, "web.yaml", bad.yaml, bad.yamlError)
	}
}

func wantListError(t *testing.T, why, name, data, want string) {
	t.Helper()
	list, err := DecodeList(name, []byte(data))
	if err == nil || err.Error() != want {
		t.Errorf("%s: %q: got %v\n  error %v\n  want  %s", why, data, list, err, want)
	}
}

func TestADeepListIsAnErrorAndDoesNotPanic(t *testing.T) {
	for _, open := range []string{"[", `[{"address":`, "- ", "{a: "} {
		for _, name := range []string{"web.json", "web.yaml"} {
			if _, err := DecodeList(name, []byte(strings.Repeat(open, 100_000))); err == nil {
				t.Errorf("%s of %q: no error", name, open)
			}
		}
	}
}

func TestAliasesCannotMakeAListLarge(t *testing.T) {
	var bomb strings.Builder
	bomb.WriteString("- &a0 {targets: [a:1, b:1]}\n")
	for i := range 30 {
		fmt.Fprintf(&bomb, "- &a%d [*a%d, *a%d, *a%d, *a%d]\n", i+1, i, i, i, i)
	}
	wantListError(t, "nested aliases", "web.yaml", bomb.String(),
		`web.yaml:9: alias "a7": the aliases of the list stand for more than 262144 values`)

	labels := "- &a {" + strings.Repeat("x: y, ", 1000) + "}\n"
	wantListError(t, "many aliases", "web.yaml", labels+strings.Repeat("- *a\n", 1000),
		`web.yaml:263: alias "a": the aliases of the list stand for more than 262144 values`)
	wantListError(t, "many merges", "web.yaml", labels+strings.Repeat("- <<: *a\n", 1000),
		`web.yaml:263: alias "a": the aliases of the list stand for more than 262144 values`)
}
