package listing

import (
	"encoding/json"
	"math"
	"reflect"
	"strings"
	"testing"
)

func TestNormalizeGivesAnAddressItsOneForm(t *testing.T) {
	for given, want := range map[string]string{
		"10.0.0.7:8080":               "10.0.0.7:8080",
		"tcp/10.0.0.7:8080":           "10.0.0.7:8080",
		"TCP/10.0.0.7:8080":           "10.0.0.7:8080",
		"10.0.0.7:8080-8080":          "10.0.0.7:8080",
		"Web.Example:00080":           "web.example:80",
		"[::1]:8080":                  "[::1]:8080",
		"[2001:DB8:0:0::0001]:8080":   "[2001:db8::1]:8080",
		"[::ffff:10.0.0.7]:8080":      "10.0.0.7:8080",
		"[fe80::1%eth0]:8080":         "[fe80::1%eth0]:8080",
		"tcp6/[::1]:8080":             "tcp6/[::1]:8080",
		"unix//run/app.sock":          "unix//run/app.sock",
		"unix/app.sock":               "unix/app.sock",
		"unix+h2c//run/App.sock":      "unix+h2c//run/App.sock",
		"unix/@abstract":              "unix/@abstract",
		"localhost:65535":             "localhost:65535",
		"_http._tcp.web.internal.:80": "_http._tcp.web.internal.:80",
	} {
		info := Info{Address: given}
		if err := info.Normalize(); err != nil || info.Address != want {
			t.Errorf("%s: got %q, %v; want %q", given, info.Address, err, want)
		}
		if err := info.Normalize(); err != nil || info.Address != want {
			t.Errorf("%s, normalized twice: got %q, %v; want %q", given, info.Address, err, want)
		}
	}
}

func TestNormalizeRefusesAddressesOfOtherThanOneSocket(t *testing.T) {
	for given, want := range map[string]string{
		"":                           "is missing",
		"10.0.0.7":                   "has no port",
		"10.0.0.7:":                  "has no port",
		"10.0.0.7:0":                 "has no port",
		"::1":                        "has no port",
		"[::1]":                      "has no port",
		":8080":                      "has no host",
		"tcp/:8080":                  "has no host",
		"tcp/":                       "has no port",
		"10.0.0.7:8080-8082":         "means 3 sockets",
		"10.0.0.7:8082-8080":         "end port",
		"10.0.0.7:65536":             "start port",
		"10.0.0.7:-1":                "port",
		"10.0.0.7:http":              "start port",
		"10.0.0.7:99999999999999999": "port",
		"[::1:8080":                  `"[::1:8080"`,
		"http://10.0.0.7:8080":       "is a URL",
		"10.0.0.7:8080/path":         "not a network",
		"10.0.0.7:8080/path:80":      "not a network",
		"10.0.0.7/24:80":             "not a network",
		"tcp//10.0.0.7:80":           "not a host",
		"a,b:80":                     "not a host",
		"user@host:80":               "not a host",
		"{env.BACKEND}:80":           "placeholder",
		"{http.request.host}:80":     "placeholder",
		"10.0.0.7 :8080":             "space",
		"10.0.0.7:8080\u00a0":        "space",
		"10.0.0.7:8080\n":            "control character",
		"web\x00:80":                 "control character",
		"web\u0085:80":               "control character",
		"fd/3":                       "file descriptor",
		"unix/":                      "needs a path",
		"unix//run/app.sock|9":       "permission",
	} {
		info := Info{Address: given}
		err := info.Normalize()
		if err == nil || !strings.HasPrefix(err.Error(), "address: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v; want an error of the address with %q", given, info.Address, err, want)
		}
	}
}

func TestNormalizeRefusesFieldsOutOfRange(t *testing.T) {
	for want, info := range map[string]Info{
		"weight: -1 is not between 0 and 65535":               {Weight: -1},
		"weight: 65536 is not between 0 and 65535":            {Weight: 65536},
		"priority: -1 is not between 0 and 2147483647":        {Priority: -1},
		"max_requests: -2147483648 is not between 0 and 2147": {MaxRequests: math.MinInt32},
		`id: "a\nb" has a control character`:                  {ID: "a\nb"},
		`zone: "\x1b[2J" has a control character`:             {Zone: "\x1b[2J"},
		`metadata: "k": "\x00" has a control character`:       {Metadata: map[string]string{"k": "\x00"}},
		`metadata: "\n": "v" has a control character`:         {Metadata: map[string]string{"\n": "v"}},
	} {
		info.Address = "10.0.0.7:8080"
		if err := info.Normalize(); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%+v: got %v; want %s", info, err, want)
		}
	}
}

func TestNormalizeAcceptsTheEndsOfEachRange(t *testing.T) {
	for _, info := range []Info{
		{Weight: 0}, {Weight: MaxWeight}, {Priority: MaxCount}, {MaxRequests: MaxCount}, {ID: "ü 7", Zone: "eu 1a"},
	} {
		info.Address = "10.0.0.7:8080"
		if err := info.Normalize(); err != nil {
			t.Errorf("%+v: %v", info, err)
		}
	}
}

func TestErrorsCutLongValuesShort(t *testing.T) {
	for _, char := range []string{"a", "[", "{", ":"} {
		info := Info{Address: strings.Repeat(char, 1<<20)}
		if err := info.Normalize(); err == nil || len(err.Error()) > 300 {
			t.Errorf("%s: got an error of %d bytes", char, len(err.Error()))
		}
	}
}

func TestAnEndpointInConfigKeepsItsPlaceholders(t *testing.T) {
	var infos []Info
	if err := json.Unmarshal([]byte(`["{env.A}:80", {"address": "{env.B}:80", "weight": 0}]`), &infos); err != nil {
		t.Fatal(err)
	}
	want := []Info{{Address: "{env.A}:80", Weight: 1}, {Address: "{env.B}:80"}}
	if !reflect.DeepEqual(infos, want) {
		t.Errorf("got %+v", infos)
	}
}

func TestAnEndpointInConfigIsDecodedStrictly(t *testing.T) {
	for given, want := range map[string]string{
		`{"adress": "a:80"}`:                     `unknown field "adress"; the fields are address,`,
		`{"Address": "a:80"}`:                    `unknown field "Address"`,
		`{"address": "a:80", "address": "b:80"}`: "address: is there twice",
		`{"address": 80}`:                        "address: 80 is a number; expected text",
		`{"weight": "3"}`:                        "weight: is text; expected a whole number between 0 and 65535",
		`{"weight": 1e400}`:                      "weight: 1e400 is not a whole number",
		`{"weight": 123456789012345678901234}`:   "weight: 123456789012345678901234 is not between 0 and 65535",
		`null`:                                   "is null; expected an address or an object",
		`{"targets": ["a:80"]}`:                  `unknown field "targets"`,
	} {
		var info Info
		if err := json.Unmarshal([]byte(given), &info); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%s: got %v; want %s", given, err, want)
		}
	}
}
