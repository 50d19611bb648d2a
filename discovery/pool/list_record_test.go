package pool

import (
	"strings"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/discovery"
)

func TestAStoredListIsReadAsItWas(t *testing.T) {
	from := discovery.Origin{Instance: "one", Pool: "web", Source: "dns"}
	list := []discovery.Endpoint{
		{
			Address: "a:1", Weight: 3, ID: "web-7", Zone: "eu-1a", Priority: 1, MaxRequests: 200,
			Draining: true, Metadata: map[string]string{"version": "v2"},
		},
		{Address: "b:1"},
	}
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	data, err := encodeRecord(from, list, at)
	if err != nil {
		t.Fatal(err)
	}
	got, when, err := decodeRecord(from, data, discovery.DefaultMaxEndpoints)
	if err != nil || !equal(got, list) || !when.Equal(at) {
		t.Errorf("%s is read as %v of %s, %v", data, got, when, err)
	}
	const empty = `{"version":1,"from":{"instance":"one","pool":"web","source":"dns"},"time":"2026-03-04T05:06:07Z","endpoints":[]}`
	if data, _ := encodeRecord(from, endpoints(), at); string(data) != empty {
		t.Errorf("an empty list is stored as %s", data)
	}
}

func TestARecordWithAMistakeIsAnError(t *testing.T) {
	var from discovery.Origin
	for data, want := range map[string]string{
		"":                                    "unexpected end of JSON input",
		`{"version":1,"endpo`:                 "unexpected end of JSON input",
		`[]`:                                  "cannot unmarshal array",
		`{}`:                                  "version: is 0; expected 1",
		`{"version":2,"endpoints":7}`:         "version: is 2; expected 1",
		`{"version":1,"from":{"pool":"web"}}`: "from: is",
		`{"version":1}`:                       "endpoints: expected a list",
		`{"version":1,"endpoints":"- a:1"}`:   "endpoints: expected a list",
		`{"version":1,"endpoints":[{"address":"a"}]}`:         "has no port",
		`{"version":1,"endpoints":["a:1","a:1"]}`:             "is already in entry 1",
		`{"version":1,"time":"yesterday","endpoints":[]}`:     "parsing time",
		`{"version":1,"endpoints":[{"address":"a:1","x":1}]}`: "unknown field",
	} {
		list, _, err := decodeRecord(from, []byte(data), discovery.DefaultMaxEndpoints)
		if err == nil || !strings.Contains(err.Error(), want) || list != nil {
			t.Errorf("%s: got %v, %v; want %s", data, list, err, want)
		}
	}
}

func FuzzStoredListsAreNormalizedOrAnError(f *testing.F) {
	f.Add([]byte(`{"version":1,"time":"2026-03-04T05:06:07Z","endpoints":[{"address":"b:1","weight":3},"a:1"]}`))
	f.Add([]byte(`{"version":1,"endpoints":[{"targets":["a:1"],"labels":{"weight":"2"}}]}`))
	f.Add([]byte(`{"version":1,"endpoints":null}`))
	var from discovery.Origin
	f.Fuzz(func(t *testing.T, data []byte) {
		list, at, err := decodeRecord(from, data, discovery.DefaultMaxEndpoints)
		if err != nil {
			return
		}
		for i := range list {
			if err := list[i].Normalize(); err != nil || i > 0 && list[i-1].Address >= list[i].Address {
				t.Errorf("%s: %v", list[i].Address, err)
			}
		}
		again, err := encodeRecord(from, list, at)
		if err != nil {
			return // a year that JSON cannot say
		}
		if got, _, err := decodeRecord(from, again, discovery.DefaultMaxEndpoints); err != nil || !equal(got, list) {
			t.Errorf("%s becomes %v, %v", again, got, err)
		}
	})
}
