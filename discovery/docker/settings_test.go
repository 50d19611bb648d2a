package docker

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

func TestLabelsInJSONAreTextOrAList(t *testing.T) {
	for text, want := range map[string]Labels{
		`{"label":"app=web"}`:            {"app=web"},
		`{"label":["app=web","team=a"]}`: {"app=web", "team=a"},
	} {
		var s Source
		if err := json.Unmarshal([]byte(text), &s); err != nil || !slices.Equal(s.Labels, want) {
			t.Errorf("%s: got %q, %v", text, s.Labels, err)
		}
		if again, err := json.Marshal(&s); err != nil || string(again) != text {
			t.Errorf("%s became %s, %v", text, again, err)
		}
	}
	if err := json.Unmarshal([]byte(`{"label":7}`), new(Source)); err == nil || !strings.Contains(err.Error(), "expected text or a list") {
		t.Errorf("got %v", err)
	}
}

func TestInvalidLabelsAreErrors(t *testing.T) {
	for want, labels := range map[string]Labels{
		"label: is missing":            nil,
		`label: "" has no name`:        {"app", ""},
		`label: "=web" has no name`:    {"=web"},
		`label: "app" is given twice`:  {"app", "team", "app"},
		"label: evaluated placeholder": {"{env.CADDY_BALANCE_NONE}"},
	} {
		s := Source{Labels: labels}
		err := s.Provision(caddy.Context{Context: t.Context()})
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("got %v; want %s", err, want)
		}
	}
}
