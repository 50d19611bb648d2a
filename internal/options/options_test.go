package options

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
)

type module struct {
	Interval caddy.Duration `json:"interval,omitempty"`
	Count    int            `json:"count,omitempty"`
	Share    float64        `json:"share,omitempty"`
	Grace    caddy.Duration `json:"grace,omitempty"`
	Names    []string       `json:"names,omitempty"`
	Part     *part          `json:"part,omitempty"`
	Parts    []plain        `json:"parts,omitempty"`

	ByName  map[string]plain  `json:"by_name,omitempty"`
	Module  json.RawMessage   `json:"module,omitempty" caddy:"namespace=a inline_key=kind"`
	Modules []json.RawMessage `json:"modules,omitempty" caddy:"namespace=a inline_key=kind"`
}

// part decodes itself, and has an embedded type.
type part struct{ Memory }

type Memory struct {
	Size int            `json:"size,omitempty"`
	TTL  caddy.Duration `json:"ttl,omitempty"`
}

type plain struct {
	Name string         `json:"name"`
	TTL  caddy.Duration `json:"ttl,omitempty"`
}

// UnmarshalJSON implements json.Unmarshaler.
func (p *part) UnmarshalJSON(data []byte) error {
	type fields part
	return Decode(data, (*fields)(p))
}

// UnmarshalJSON implements json.Unmarshaler.
func (m *module) UnmarshalJSON(data []byte) error {
	type fields module
	return Decode(data, (*fields)(m), "interval", "count", "share")
}

func TestAZeroIsRefusedWhereItIsNotTheDefault(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "",
		`{"interval": 1, "count": 1, "share": 0.1, "grace": 0}`: "",
		`{"interval": 0}`:                     "interval: is 0; leave it out for its default",
		`{"interval": "0s"}`:                  `interval: is "0s"; leave it out for its default`,
		`{"Interval": "0ms"}`:                 `interval: is "0ms"; leave it out for its default`,
		`{"count": 0}`:                        "count: is 0; leave it out for its default",
		`{"count": -0}`:                       "count: is -0; leave it out for its default",
		`{"share": 0.0e1}`:                    "share: is 0.0e1; leave it out for its default",
		`{"interval": "5"}`:                   `interval: is "5"; expected a duration such as "10s"`,
		`{"grace": "soon"}`:                   `grace: is "soon"; expected a duration such as "10s"`,
		`{"other": 0}`:                        `unknown field "other"; the fields are interval, count, share, grace, names, part, parts, by_name, module, modules`,
		`{"count": "0s"}`:                     "count: is a string; expected a whole number",
		`{"count": 1.5}`:                      "count: is the number 1.5; expected a whole number",
		`{"share": "5%"}`:                     "share: is a string; expected a number",
		`{"names": "a"}`:                      "names: is a string; expected a list",
		`{"names": [1]}`:                      "names: entry 1: is a number; expected a string",
		`{"grace": true}`:                     `grace: is true or false; expected a duration such as "10s"`,
		`{"part": []}`:                        "part: is a list; expected an object",
		`{"part": {"x": 1}}`:                  `part: unknown field "x"; the fields are size, ttl`,
		`{"part": {"size": "5"}, "count": 1}`: "part: size: is a string; expected a whole number",
		`{"part": {"ttl": {}}}`:               `part: ttl: is an object; expected a duration such as "10s"`,
		`{"parts": [{"name": 5}]}`:            "parts: entry 1: name: is a number; expected a string",
		`{"parts": [{"nam": ""}]}`:            `parts: entry 1: unknown field "nam"; the fields are name, ttl`,
		`{"parts": [{}, {"ttl": "5"}]}`:       `parts: entry 2: ttl: is "5"; expected a duration such as "10s"`,
		`{"by_name": {"a": {"ttl": []}}}`:     `by_name: a: ttl: is a list; expected a duration such as "10s"`,
		`{"module": {"kind": "a"}}`:           "",
		`{"module": "a"}`:                     "module: is a string; expected an object",
		`{"module": {}}`:                      "module: kind: is missing; expected the name of a module",
		`{"modules": [{"kind": 1}]}`:          "modules: entry 1: kind: is a number; expected a string",
		`{"modules": {}}`:                     "modules: is an object; expected a list",
		`[]`:                                  "is a list; expected an object",
	} {
		got := ""
		if err := caddy.StrictUnmarshalJSON([]byte(text), new(module)); err != nil {
			got = err.Error()
		}
		if (want == "") != (got == "") || !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q; want %q", text, got, want)
		}
	}
}

func TestAnErrorAboutAShortDurationTellsTheUnit(t *testing.T) {
	for value, want := range map[time.Duration]string{
		10:                     `interval: 10ns is less than 100ms; a number in JSON is in nanoseconds, so write it with a unit, such as "10s"`,
		0:                      `interval: 0s is less than 100ms; a number in JSON is in nanoseconds, so write it with a unit, such as "10s"`,
		-1:                     "interval: -1ns is less than 100ms",
		99 * time.Millisecond:  "interval: 99ms is less than 100ms",
		100 * time.Millisecond: "",
	} {
		got := ""
		if err := AtLeast("interval", caddy.Duration(value), MinInterval); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("%s: got %q; want %q", value, got, want)
		}
	}
	if err := AtLeastOrZero("interval", 0, MinInterval); err != nil {
		t.Error(err)
	}
	const want = "interval: -1ns is negative; expected 0s, or 100ms or more"
	if err := AtLeastOrZero("interval", -1, MinInterval); err == nil || err.Error() != want {
		t.Errorf("got %v; want %s", err, want)
	}
}
