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
		"UNIX//run/App.sock":          "unix//run/App.sock",
		"unixpacket//run/app.sock":    "unixpacket//run/app.sock",
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
		"10.0.0.7:8080/path":         "has a path",
		"10.0.0.7:8080/path:80":      "has a path",
		"web.example/path":           "has a path",
		"10.0.0.7:8080/24":           "has a path",
		"10.0.0.7/24:80":             "has a prefix length",
		"127.0.0.9/32":               `"127.0.0.9/32" has a prefix length; expected one address and a port`,
		"[2001:db8::1]/128:80":       "has a prefix length",
		"2001:db8::/32":              "has a prefix length",
		"web/10.0.0.7:80":            `"web" is not a network`,
		"http/10.0.0.7:80":           `"http" is not a network`,
		"udp/10.0.0.7:80":            "network udp carries no requests",
		"UDP4/10.0.0.7:80":           "network udp4 carries no requests",
		"ip/10.0.0.7":                "network ip carries no requests",
		"ip6/[::1]:80":               "network ip6 carries no requests",
		"unixgram//run/app.sock":     "network unixgram carries no requests",
		"unix+h2c//run/app.sock":     "expected unix/, and h2c in the transport",
		"unixes//run/app.sock":       `"unixes" is not a network`,
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
		"fdgram/3":                   "file descriptor",
		"unix/":                      "needs a path",
		"unix//run/app.sock|9":       "permission",
		"unix//run/app.sock|0222":    "has permission bits",
	} {
		info := Info{Address: given}
		err := info.Normalize()
		if err == nil || !strings.HasPrefix(err.Error(), "address: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %q, %v; want an error of the address with %q", given, info.Address, err, want)
		}
	}
}

func TestNormalizeRefusesAddressesOfOtherThanOneServer(t *testing.T) {
	for given, want := range map[string]string{
		"0.0.0.0:8080":                 "0.0.0.0 is an address to listen on; expected the address of one server",
		"tcp4/0.0.0.0:8080":            "0.0.0.0 is an address to listen on",
		"[::]:8080":                    ":: is an address to listen on",
		"[::%eth0]:8080":               "::%eth0 is an address to listen on",
		"[::ffff:0.0.0.0]:8080":        "0.0.0.0 is an address to listen on",
		"[0:0:0:0:0:0:0:0]:8080":       ":: is an address to listen on",
		"224.0.0.1:8080":               "224.0.0.1 is a multicast address",
		"[::ffff:239.1.2.3]:8080":      "239.1.2.3 is a multicast address",
		"[ff02::1%eth0]:8080":          "ff02::1%eth0 is a multicast address",
		"255.255.255.255:8080":         "255.255.255.255 is the broadcast address",
		"[::ffff:255.255.255.255]:808": "255.255.255.255 is the broadcast address",
	} {
		info := Info{Address: given}
		if err := info.Normalize(); err == nil || !strings.HasPrefix(err.Error(), "address: "+want) {
			t.Errorf("%q: got %q, %v; want %s", given, info.Address, err, want)
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
