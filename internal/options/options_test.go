package options

import (
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
}

// part decodes itself, and has an embedded type.
type part struct{ Memory }

type Memory struct {
	Size int            `json:"size,omitempty"`
	TTL  caddy.Duration `json:"ttl,omitempty"`
}

type plain struct {
	Name string `json:"name"`
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
		`{"interval": "5"}`:                   `interval: time: missing unit in duration "5"`,
		`{"grace": "soon"}`:                   `grace: time: invalid duration "soon"`,
		`{"other": 0}`:                        `unknown field "other"; the fields are interval, count, share, grace, names, part, parts`,
		`{"count": "0s"}`:                     "count: is a string; expected a whole number",
		`{"count": 1.5}`:                      "count: is the number 1.5; expected a whole number",
		`{"share": "5%"}`:                     "share: is a string; expected a number",
		`{"names": "a"}`:                      "names: is a string; expected a list",
		`{"names": [1]}`:                      "names: is a number; expected a string",
		`{"grace": true}`:                     `grace: is true or false; expected a duration such as "10s"`,
		`{"part": []}`:                        "part: is a list; expected an object",
		`{"part": {"x": 1}}`:                  `part: unknown field "x"; the fields are size, ttl`,
		`{"part": {"size": "5"}, "count": 1}`: "part: size: is a string; expected a whole number",
		`{"part": {"ttl": {}}}`:               `part: ttl: is an object; expected a duration such as "10s"`,
		`{"parts": [{"name": 5}]}`:            "parts.name: is a number; expected a string",
		`{"parts": [{"nam": ""}]}`:            `parts: json: unknown field "nam"`,
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
		-1:                     "interval: -1ns is negative",
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
}
