package static

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2"
	caddytext "github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"

	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// fromCaddyfile reads and provisions a source.
func fromCaddyfile(text string) (*Source, error) {
	s := new(Source)
	if err := s.UnmarshalCaddyfile(caddytext.NewTestDispenser(text)); err != nil {
		return nil, err
	}
	return s, s.Provision(caddy.Context{})
}

func TestACaddyfileMayHaveAddressesAndEndpoints(t *testing.T) {
	s, err := fromCaddyfile(`static A.test:80 10.0.0.2:80 {
		endpoint 10.0.0.3:80
		endpoint unix//run/web.sock {
			weight 3
			id web-4
			zone eu-1a
			priority 1
			max_requests 200
			draining
			metadata version v2
			metadata team a
		}
	}`)
	if err != nil {
		t.Fatal(err)
	}
	want := []listing.Info{
		{Address: "a.test:80", Weight: 1},
		{Address: "10.0.0.2:80", Weight: 1},
		{Address: "10.0.0.3:80", Weight: 1},
		{
			Address: "unix//run/web.sock", Weight: 3, ID: "web-4", Zone: "eu-1a", Priority: 1, MaxRequests: 200,
			Draining: true, Metadata: map[string]string{"version": "v2", "team": "a"},
		},
	}
	if !reflect.DeepEqual(s.Endpoints, want) {
		t.Errorf("got  %+v\nwant %+v", s.Endpoints, want)
	}
}

func TestErrorsInACaddyfileNameTheLine(t *testing.T) {
	for text, want := range map[string]string{
		"static":                      "endpoints: none given; expected at least one address",
		"static {\n}":                 "endpoints: none given; expected at least one address",
		"static a:80 b":               `static: address: "b" has no port; expected a host and port such as 10.0.0.7:8080, at Testfile:1`,
		"static 0.0.0.0:8080":         "static: address: 0.0.0.0 is an address to listen on; expected the address of one server, such as 10.0.0.7, at Testfile:1",
		"static 127.0.0.9/32":         `static: address: "127.0.0.9/32" has a prefix length; expected one address and a port, such as 10.0.0.7:8080, at Testfile:1`,
		"static udp/10.0.0.7:53":      `static: address: "udp/10.0.0.7:53": network udp carries no requests; expected a host and port such as 10.0.0.7:8080, at Testfile:1`,
		"static {\nendpoint\n}":       "static: endpoint: address: missing value; expected a host and port",
		"static {\nendpoint a:1-2\n}": `static: endpoint: address: "a:1-2" means 2 sockets; expected one port, at Testfile:2`,
		"static {\nendpoint a:1 b:1\n}": "static: endpoint: unexpected argument 'b:1'; expected a block with " +
			"weight, id, zone, priority, max_requests, draining or metadata, at Testfile:2",
		"static a:1 {\nendpoint b:1 {\nx\n}}": "static: endpoint: unknown option 'x'; expected weight, id, zone, priority, max_requests, draining or metadata",
		"static a:1 {\nendpoint b:1 {\nweight 65536\n}\n}": "static: endpoint: weight: '65536' is not a whole number " +
			"from 0 to 65535, at Testfile:3",
		"static a:1 b:1 A:1":             "endpoint 3: address: a:1 is already endpoint 1",
		"static a:1 {\nendpoint a:1\n}":  "endpoint 2: address: a:1 is already endpoint 1",
		"static a:1 {\nendpoints b:1\n}": "static: unknown option 'endpoints'; expected endpoint",
	} {
		if _, err := fromCaddyfile(text); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestErrorsInJSONNameTheEntry(t *testing.T) {
	for text, want := range map[string]string{
		`{}`: "endpoints: none given",
		`{"endpoints": [{"address": "a:1"}, {}]}`:                             "endpoint 2: address: is missing",
		`{"endpoints": [{"address": "a:1"}, {"address": "b"}]}`:               `endpoint 2: address: "b" has no port`,
		`{"endpoints": [{"address": "a:1"}, {"address": "0.0.0.0:80"}]}`:      "endpoint 2: address: 0.0.0.0 is an address to listen on",
		`{"endpoints": [{"address": "a:1", "weight": -1}]}`:                   "endpoints: entry 1: weight: -1 is not between 0 and 65535",
		`{"endpoints": [{"address": "a:1", "weight": 65536}]}`:                "endpoints: entry 1: weight: 65536 is not",
		`{"endpoints": [{"address": "a:1", "priority": -1}]}`:                 "endpoints: entry 1: priority: -1",
		`{"endpoints": [{"address": "a:1", "max_requests": -1}]}`:             "endpoints: entry 1: max_requests: -1",
		`{"endpoints": [{"address": "a:1"}, {"address": "A:1"}]}`:             "endpoint 2: address: a:1 is already endpoint 1",
		`{"endpoints": [{"address": "b:1"}, {"address": "a:1", "id": "\n"}]}`: "endpoint 2: id: ",
	} {
		s := new(Source)
		err := json.Unmarshal([]byte(text), s)
		if err == nil {
			err = s.Provision(caddy.Context{})
		}
		if err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s:\ngot  %v\nwant %s", text, err, want)
		}
	}
}

func TestTheWeightIsOneUnlessItIsGivenAndMayBeZero(t *testing.T) {
	s := new(Source)
	if err := json.Unmarshal([]byte(`{"endpoints": [{"address": "a:1"}, {"address": "b:1", "weight": 0}]}`), s); err != nil {
		t.Fatal(err)
	}
	answer := sourcetest.Start(t, s).WantList("a:1", "b:1")
	sourcetest.WantEndpoints(t, answer, "a:1 weight 1 priority 0", "b:1 weight 0 priority 0")

	s, err := fromCaddyfile("static a:1 {\nendpoint b:1 {\nweight 0\n}\n}")
	if err != nil {
		t.Fatal(err)
	}
	answer = sourcetest.Follow(t, s.Run).WantList("a:1", "b:1")
	sourcetest.WantEndpoints(t, answer, "a:1 weight 1 priority 0", "b:1 weight 0 priority 0")
}

func TestRunReportsTheWholeListOnceAndReturns(t *testing.T) {
	s := &Source{Endpoints: []listing.Info{{Address: "a:1", Weight: 1}, {Address: "b:1", Weight: 2}}}
	running := sourcetest.Start(t, s)
	answer := running.Next()
	if !answer.Authoritative || answer.Err != nil || len(answer.Dropped) > 0 {
		t.Errorf("got %+v; want an authoritative answer without errors", answer)
	}
	running.WantEnd()
	if n := running.Lists(); n != 1 {
		t.Errorf("reported %d lists; want 1", n)
	}
	answer.Endpoints[0].Weight = 9 // an answer belongs to the pool
	if s.Endpoints[0].Weight != 1 {
		t.Error("a change of the answer changed the config")
	}
}
