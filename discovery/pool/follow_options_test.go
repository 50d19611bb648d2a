package pool

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
)

func TestSettingsThatAreNotGivenHaveDefaults(t *testing.T) {
	for config, want := range map[string]followSettings{
		`{}`: {maxLoss: 80, emptyGrace: 30 * time.Second, updateInterval: 100 * time.Millisecond, maxEndpoints: 10_000, persist: true},
		`{"max_loss": 0, "empty_grace": 0, "removal_grace": "1m", "update_interval": 0, "max_endpoints": 7, "persist": false}`: {
			removalGrace: time.Minute, maxEndpoints: 7,
		},
		`{"max_loss": 0, "empty_grace": 0, "update_interval": 0, "max_endpoints": 7, "persist": "blue"}`: {maxEndpoints: 7, persist: true, shared: "blue"},
		`{"max_loss": 0, "empty_grace": 0, "update_interval": 0, "max_endpoints": 7, "persist": true}`:   {maxEndpoints: 7, persist: true},
	} {
		var p Pool
		if err := json.Unmarshal([]byte(config), &p); err != nil {
			t.Fatal(err)
		}
		want.records = processRecords
		if got := p.FollowOptions.settings(0); got != want {
			t.Errorf("%s gives %+v", config, got)
		}
	}
}

func TestSettingsOutOfRangeAreAnError(t *testing.T) {
	for config, want := range map[string]string{
		`{"max_loss": -1}`:           "max_loss: -1 is not between 0 and 100",
		`{"max_loss": 100.5}`:        "max_loss: 100.5 is not between 0 and 100",
		`{"empty_grace": "-1s"}`:     "empty_grace: -1s is negative; expected 0s, or 1ms or more",
		`{"removal_grace": "-1s"}`:   "removal_grace: -1s is negative; expected 0s, or 1ms or more",
		`{"update_interval": "-1s"}`: "update_interval: -1s is negative; expected 0s, or 1ms or more",
		`{"max_endpoints": -1}`:      "max_endpoints: -1 is not between 1 and 2147483647",

		`{"max_in_flight": 0}`:                       "max_in_flight: 0 is not a number from 1 to 1000000",
		`{"queue": {}}`:                              "queue: length: is missing or 0; expected a number from 1 to 1000000",
		`{"queue": {"length": 0}}`:                   "queue: length: is missing or 0; expected a number from 1 to 1000000",
		`{"queue": {"length": -1}}`:                  "queue: length: -1 is not a number from 1 to 1000000",
		`{"queue": {"length": 1, "timeout": "-1s"}}`: "queue: timeout: -1s is less than 1ms",
		`{"retry_after": {}}`:                        `retry_after: max: is missing or 0; expected a duration of 1ms or more, such as "10s"`,
		`{"retry_after": {"max": "0s"}}`:             `retry_after: max: is missing or 0; expected a duration of 1ms or more, such as "10s"`,
		`{"retry_after": {"max": "-1s"}}`:            "retry_after: max: -1s is less than 1ms",
		`{"retry_backoff": {"max": "-1s"}}`:          "retry_backoff: max: -1s is less than 1ms",
		`{"retry_backoff": {"max": "48h"}}`:          "retry_backoff: max: 48h0m0s is more than 24h0m0s",
		`{"retry_budget": {"percent": -1}}`:          "retry_budget: percent: -1 is not a number from 0 to 100",
		`{"adaptive_limit": {"min": -1}}`:            "adaptive_limit: min: -1 is not a number from 1 to 1000000",
		`{"adaptive_limit": {"max": -1}}`:            "adaptive_limit: max: -1 is not a number from 1 to 1000000",
		`{"adaptive_limit": {"max": 2}}`:             "adaptive_limit: max: 2 is below min, which is 3",
	} {
		p := Pool{Definition: Definition{Name: "web", SourcesRaw: []json.RawMessage{[]byte(`{}`)}}}
		if err := json.Unmarshal([]byte(config), &p); err != nil {
			t.Fatal(err)
		}
		if err := p.check(); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%s: got %v", config, err)
		}
	}
}

func TestPersistIsASwitchOrAName(t *testing.T) {
	for _, text := range []string{"true", "false", `"blue"`} {
		var p Pool
		if err := json.Unmarshal([]byte(`{"persist":`+text+`}`), &p); err != nil {
			t.Fatal(err)
		}
		if got, _ := json.Marshal(p.Persist); string(got) != text {
			t.Errorf("%s becomes %s", text, got)
		}
	}
	for _, text := range []string{`""`, `"false"`, "1", "[]", "{}"} {
		var p Pool
		err := json.Unmarshal([]byte(`{"persist":`+text+`}`), &p)
		if err == nil || !strings.Contains(err.Error(), "persist: is "+text+"; expected true, false, or a name") {
			t.Errorf("%s: got %v", text, err)
		}
	}
}
