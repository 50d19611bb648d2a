package format

import (
	"reflect"
	"strings"
	"testing"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// The values are as Kitex' registry-etcd, Hertz' registry/etcd and Kratos' registry/etcd marshal
// them.
const (
	kitexValue  = `{"network":"tcp","address":"127.0.0.1:8888","weight":66,"tags":{"hello":"world","zone":"eu-1a"}}`
	hertzValue  = `{"network":"tcp","address":"127.0.0.1:8888","weight":10,"tags":null}`
	kratosValue = `{"id":"web-1","name":"helloworld","version":"v1.0.0","metadata":{"weight":"30","zone":"eu-1a","app":"x"},` +
		`"endpoints":["http://127.0.0.1:8000?isSecure=false","grpc://127.0.0.1:9000?isSecure=false"]}`
	kratosUUID = `{"id":"0b7e1c1e-6a1e-11ef-9d6d-0242ac120002","name":"helloworld","version":"","metadata":null,"endpoints":["grpc://10.0.0.7:9000"]}`
	namingText = `{"Op":0,"Addr":"10.0.0.7:80","Metadata":{"weight":3,"zone":"eu-1a"}}`
)

func TestEveryLayoutIsRecognized(t *testing.T) {
	type meta = map[string]string
	for _, c := range []struct {
		what, value string
		reader      Reader
		want        listing.Info
	}{
		{"an address", "10.0.0.7:80", Reader{}, listing.Info{Address: "10.0.0.7:80", Weight: 1}},
		{"an endpoint", `{"address":"10.0.0.7:80","weight":3}`, Reader{Format: Auto}, listing.Info{Address: "10.0.0.7:80", Weight: 3}},
		{"naming/endpoints", namingText, Reader{}, listing.Info{Address: "10.0.0.7:80", Weight: 3, Zone: "eu-1a"}},
		{"Kitex", kitexValue, Reader{}, listing.Info{Address: "127.0.0.1:8888", Weight: 66, Zone: "eu-1a", Metadata: meta{"hello": "world"}}},
		{"Kitex by name", kitexValue, Reader{Format: Kitex}, listing.Info{Address: "127.0.0.1:8888", Weight: 66, Zone: "eu-1a", Metadata: meta{"hello": "world"}}},
		{"Hertz", hertzValue, Reader{}, listing.Info{Address: "127.0.0.1:8888", Weight: 10}},
		{"Kitex without a weight", `{"network":"tcp6","address":"[fd00::1]:8888","weight":0,"tags":{"weight":"5"}}`, Reader{},
			listing.Info{Address: "[fd00::1]:8888", Weight: 10, Metadata: meta{"weight": "5"}}},
		{"Kitex on a socket", `{"network":"unix","address":"/run/web.sock","weight":1}`, Reader{}, listing.Info{Address: "unix//run/web.sock", Weight: 1}},
		{"Kitex by name, without a network", `{"address":"a:1"}`, Reader{Format: Kitex}, listing.Info{Address: "a:1", Weight: 10}},
		{"Kratos", kratosValue, Reader{}, listing.Info{Address: "127.0.0.1:8000", ID: "web-1", Weight: 30, Zone: "eu-1a", Metadata: meta{"version": "v1.0.0", "app": "x"}}},
		{"Kratos by gRPC", kratosValue, Reader{Format: Kratos, Scheme: "grpc"},
			listing.Info{Address: "127.0.0.1:9000", ID: "web-1", Weight: 30, Zone: "eu-1a", Metadata: meta{"version": "v1.0.0", "app": "x"}}},
		{"Kratos with an ID of its start", kratosUUID, Reader{}, listing.Info{Address: "10.0.0.7:9000", ID: "10.0.0.7:9000", Weight: 100}},
		{"Kratos with TLS", `{"endpoints":["grpcs://[fd00::1]:9000","https://[fd00::1]:8000"]}`, Reader{}, listing.Info{Address: "[fd00::1]:8000", Weight: 100}},
		{"Kratos without a port", `{"endpoints":["http://web.example/path"]}`, Reader{}, listing.Info{Address: "web.example:80", Weight: 100}},
		{"Kratos whose metadata names a version", `{"version":"v1","metadata":{"version":"v2"},"endpoints":["http://a:1"]}`, Reader{},
			listing.Info{Address: "a:1", Weight: 100, Metadata: meta{"version": "v2"}}},
	} {
		if got, err := c.reader.Decode([]byte(c.value)); err != nil || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: got  %+v, %v\nwant %+v", c.what, got, err, c.want)
		}
	}
}

func TestAMistakeNamesTheFieldAndWhatWasExpected(t *testing.T) {
	for value, c := range map[string]struct {
		reader Reader
		want   string
	}{
		"10.0.0.7:80":                                            {Reader{Format: Kitex}, "is not an object in JSON"},
		`null`:                                                   {Reader{Format: Kratos}, "is not an object in JSON"},
		"{" + strings.Repeat(" ", 64<<10) + "}":                  {Reader{Format: Kratos}, "has 65538 bytes; an endpoint may have 65536"},
		`{"network":"udp","address":"a:1"}`:                      {Reader{}, `field network: "udp" is not tcp or unix`},
		`{"network":"tcp","address":""}`:                         {Reader{}, "address: is missing"},
		`{"network":"tcp","address":":8888"}`:                    {Reader{}, `address: ":8888" has no host`},
		`{"network":7,"address":"a:1"}`:                          {Reader{}, `field network: is "7"; expected text`},
		`{"network":"tcp","weight":"10"}`:                        {Reader{}, `field weight: is "\"10\""; expected a whole number`},
		`{"network":"tcp","tags":["a"]}`:                         {Reader{}, `field tags: is "[\"a\"]"; expected an object of texts`},
		`{"network":"","address":"a:1","weight":65536}`:          {Reader{}, "weight: 65536 is not between 0 and 65535"},
		`{"address":"a:1","tags":{}}`:                            {Reader{}, `unknown field "tags"`},
		`{"endpoints":[]}`:                                       {Reader{}, "field endpoints: has no URL"},
		`{"endpoints":null}`:                                     {Reader{}, "field endpoints: has no URL"},
		`{"endpoints":{}}`:                                       {Reader{}, `field endpoints: is "{}"; expected a list of URLs`},
		`{"endpoints":["10.0.0.7:80"]}`:                          {Reader{}, `field endpoints: "10.0.0.7:80" is not a URL such as`},
		`{"endpoints":["http://a:b"]}`:                           {Reader{}, `field endpoints: "http://a:b" is not a URL`},
		`{"endpoints":["grpc://a"]}`:                             {Reader{}, "address: "},
		`{"endpoints":["grpc://a:1","ws://a:2"]}`:                {Reader{}, `field endpoints: schemes are "grpc ws"; expected http, or one that the option scheme names`},
		`{"endpoints":["http://a:1"],"id":""}`:                   {Reader{Scheme: "grpc"}, `field endpoints: schemes are "http"; expected grpc`},
		`{"endpoints":["http://a:1"],"metadata":{"weight":"x"}}`: {Reader{}, `field metadata: weight: "x" is not a whole number between 0 and 65535`},
		`{"endpoints":["http://a:1"],"metadata":{"a":1}}`:        {Reader{}, `field metadata: is "{\"a\":1}"; expected an object of texts`},
		namingText: {Reader{Format: Kratos}, "field endpoints: has no URL"},
	} {
		if got, err := c.reader.Decode([]byte(value)); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%.80s: got %+v, %v; want %s", value, got, err, c.want)
		}
	}
}

func TestUnknownFormatsAreRefused(t *testing.T) {
	for _, name := range []string{"", Auto, Kitex, Kratos} {
		if err := Check(name); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := Check("Kitex"); err == nil || err.Error() != `format: "Kitex" is not known; expected auto, kitex or kratos` {
		t.Errorf("got %v", err)
	}
}

// FuzzDecode checks that every value is refused or becomes a valid endpoint, whatever the format.
func FuzzDecode(f *testing.F) {
	for _, value := range []string{kitexValue, hertzValue, kratosValue, kratosUUID, namingText, "a:1", `{"Addr":"x","Metadata":"\ud800"}`} {
		f.Add(value, "", "")
		f.Add(value, Kitex, "")
		f.Add(value, Kratos, "grpc")
	}
	f.Fuzz(func(t *testing.T, value, format, scheme string) {
		r := Reader{Format: format, Scheme: scheme}
		info, err := r.Decode([]byte(value))
		if normal := info; err == nil && (normal.Normalize() != nil || normal.Address != info.Address) {
			t.Errorf("%q became %+v, which is not valid", value, info)
		}
	})
}
