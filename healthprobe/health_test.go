package healthprobe

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
)

// provisionedHealth returns the settings with this JSON.
func provisionedHealth(t *testing.T, text string) (*Health, error) {
	t.Helper()
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	t.Cleanup(cancel)
	h := new(Health)
	if err := json.Unmarshal([]byte(text), h); err != nil {
		t.Fatal(err)
	}
	return h, h.Provision(ctx)
}

func TestProbesTakeTheOptionsThatTheyDoNotSetFromHealth(t *testing.T) {
	for text, want := range map[string]string{
		`{"probe":{"probe":"tcp"}}`: "tcp 5s 1s 2s 2 3",
		`{"probe":{"probe":"tcp"},"interval":"10s","timeout":"1s","rise":4,"fall":5}`:                                  "tcp 10s 2s 1s 4 5",
		`{"probes":[{"probe":{"probe":"tcp"},"interval":"1s","rise":1},{"probe":{"probe":"http"},"fall":1}]}`:          "tcp 1s 200ms 2s 1 3, http 5s 1s 2s 2 1",
		`{"probes":[{"probe":{"probe":"tcp"},"interval":"1s"},{"probe":{"probe":"http"}}],"fast_interval":"3s"}`:       "tcp 1s 200ms 2s 2 3, http 5s 3s 2s 2 3",
		`{"probes":[{"probe":{"probe":"tcp"},"timeout":"1s"},{"probe":{"probe":"tcp","port":1}}],"interval":"10s"}`:    "tcp 10s 2s 1s 2 3, tcp #2 10s 2s 2s 2 3",
		`{"probes":[{"probe":{"probe":"tcp"},"fast_interval":"7s"}],"fast_interval":"8s"}`:                             "tcp 5s 7s 2s 2 3",
		`{"probes":[{"probe":{"probe":"tcp","port":1}},{"probe":{"probe":"tcp","port":2}},{"probe":{"probe":"tcp"}}]}`: "tcp 5s 1s 2s 2 3, tcp #2 5s 1s 2s 2 3, tcp #3 5s 1s 2s 2 3",
	} {
		h, err := provisionedHealth(t, text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		got := ""
		for i, p := range h.probes {
			if i > 0 {
				got += ", "
			}
			got += fmt.Sprint(p.name, " ", p.interval, " ", p.fastInterval, " ", p.timeout, " ", p.thresholds.rise, " ", p.thresholds.fall)
		}
		if got != want {
			t.Errorf("%s:\ngot  %s\nwant %s", text, got, want)
		}
	}
}

func TestProvisionRefusesMistakesInHealth(t *testing.T) {
	for text, want := range map[string]string{
		`{}`:            "probe: is missing; expected one such as http or tcp",
		`{"probes":[]}`: "probe: is missing; expected one such as http or tcp",
		`{"probes":[{"probe":{"probe":"tcp"}},{}]}`:                                                         "probes[1]: probe: is missing; expected one such as http or tcp",
		`{"probe":{"probe":"tcp"},"probes":[{"probe":{"probe":"http"}}]}`:                                   "probes: conflicts with probe; expected one of them",
		`{"probes":[{"probe":{"probe":"tcp","port":1}},{"probe":{ "probe": "tcp", "port": 1 },"rise": 9}]}`: "probes[1]: probe: is the same as that of probes[0]",
		`{"probes":[{"probe":{"probe":"tcp"},"rise":-1}]}`:                                                  "probes[0]: rise: is -1; expected 1 or more checks",
		`{"probes":[{"probe":{"probe":"tcp"},"interval":"1us"}]}`:                                           "probes[0]: interval: 1µs is less than 100ms; a number in JSON is in nanoseconds, so write it with a unit, such as \"10s\"",
		`{"probes":[{"probe":{"probe":"tcp"},"interval":"1s"}],"interval":"1us"}`:                           "interval: 1µs is less than 100ms; a number in JSON is in nanoseconds, so write it with a unit, such as \"10s\"",
		`{"probe":{"probe":"tcp"},"fall":-1}`:                                                               "fall: is -1; expected 1 or more checks",
		`{"probe":{"probe":"tcp"},"initial":"maybe"}`:                                                       `initial: "maybe"; expected healthy or unhealthy`,
	} {
		_, err := provisionedHealth(t, text)
		wantError(t, text, err, want)
	}
}

// A definition is known again however its JSON is spaced, so that a probe that moves to a list of
// several keeps its verdicts.
func TestSpacesDoNotMakeAnotherProbe(t *testing.T) {
	one, err := provisionedHealth(t, `{"probe":{"probe":"tcp","port":1}}`)
	if err != nil {
		t.Fatal(err)
	}
	several, err := provisionedHealth(t, "{\"probes\":[{\"probe\":{\n\t\"probe\": \"tcp\",\n\t\"port\": 1\n}}]}")
	if err != nil {
		t.Fatal(err)
	}
	if a, b := one.probes[0].definition, several.probes[0].definition; a != b {
		t.Errorf("%s and %s", a, b)
	}
}

// Each of several probes is known by what its own settings stand for.
func TestARotatedSecretMakesAnotherProbeOfOneOfSeveral(t *testing.T) {
	const text = `{"probes":[{"probe":{"probe":"tcp","send":"{env.PROBE_ONE}"}},{"probe":{"probe":"tcp","send":"{env.PROBE_TWO}"}}]}`
	definitions := func(one, two string) (all [2]string) {
		t.Setenv("PROBE_ONE", one)
		t.Setenv("PROBE_TWO", two)
		h, err := provisionedHealth(t, text)
		if err != nil {
			t.Fatal(err)
		}
		for i, p := range h.probes {
			all[i] = p.definition
		}
		return all
	}
	before, after := definitions("old", "same"), definitions("new", "same")
	if before[0] == after[0] || before[1] != after[1] {
		t.Errorf("got %q and then %q, want only the first to differ", before, after)
	}
	if strings.Contains(before[0], "old") {
		t.Error("the definition shows a value")
	}
	definitions("equal", "equal") // by chance, which is no mistake in the config
}
