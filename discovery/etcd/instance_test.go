package etcd

import (
	"reflect"
	"strings"
	"testing"

	"go.etcd.io/etcd/api/v3/mvccpb"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/format"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

func TestValuesAreAddressesOrEndpointsInEitherLayout(t *testing.T) {
	for value, want := range map[string]listing.Info{
		`10.0.0.1:80`:                                {Address: "10.0.0.1:80", Weight: 1, ID: "a"},
		" [fd00::1]:80\n":                            {Address: "[fd00::1]:80", Weight: 1, ID: "a"},
		`"10.0.0.1:80"`:                              {Address: "10.0.0.1:80", Weight: 1, ID: "a"},
		`{"address":"10.0.0.1:80"}`:                  {Address: "10.0.0.1:80", Weight: 1, ID: "a"},
		`{"address":"10.0.0.1:80","id":"b"}`:         {Address: "10.0.0.1:80", Weight: 1, ID: "b"},
		`{"address":"10.0.0.1:80","weight":0}`:       {Address: "10.0.0.1:80", Weight: 0, ID: "a"},
		`{"Addr":"10.0.0.1:80"}`:                     {Address: "10.0.0.1:80", Weight: 1, ID: "a"},
		`{"Op":0,"Addr":"10.0.0.1:80","Metadata":7}`: {Address: "10.0.0.1:80", Weight: 1, ID: "a"},
		`{"Op":0,"Addr":"10.0.0.1:80","Metadata":null}`: {
			Address: "10.0.0.1:80", Weight: 1, ID: "a"},
		`{"Op":0,"Addr":"10.0.0.1:80","Metadata":{"weight":3,"zone":"eu-1a","version":1.10,"tags":["x"]}}`: {
			Address: "10.0.0.1:80", Weight: 3, Zone: "eu-1a", ID: "a", Metadata: map[string]string{"version": "1.10", "tags": `["x"]`}},
		`{"Op":0,"Addr":"10.0.0.1:80","Metadata":{"weight":"0","name":"w\u00e9b"}}`: {
			Address: "10.0.0.1:80", Weight: 0, ID: "a", Metadata: map[string]string{"name": "wéb"}},
	} {
		got := answerOf(map[string]string{"web/a": value})
		if len(got.Dropped) > 0 || len(got.Endpoints) != 1 || !reflect.DeepEqual(got.Endpoints[0], want) {
			t.Errorf("%s:\ngot  %+v, %v\nwant %+v", value, got.Endpoints, got.Dropped, want)
		}
	}
}

func TestValuesOfFrameworksAreEndpoints(t *testing.T) {
	values := map[string]string{
		"web/10.0.0.1:8888": `{"network":"tcp","address":"10.0.0.1:8888","weight":10,"tags":{"zone":"eu-1a"}}`,
		"web/0b7e1c1e-6a1e-11ef-9d6d-0242ac120002": `{"id":"0b7e1c1e-6a1e-11ef-9d6d-0242ac120002","name":"web","version":"v1",` +
			`"metadata":{"weight":"30"},"endpoints":["grpc://10.0.0.2:9000","http://10.0.0.2:8000"]}`,
		"web/plain": "10.0.0.3:80",
	}
	kitex := listing.Info{Address: "10.0.0.1:8888", ID: "10.0.0.1:8888", Weight: 10, Zone: "eu-1a"}
	kratos := listing.Info{Address: "10.0.0.2:8000", ID: "10.0.0.2:8000", Weight: 30, Metadata: map[string]string{"version": "v1"}}
	grpc := kratos
	grpc.Address, grpc.ID = "10.0.0.2:9000", "10.0.0.2:9000"
	plain := listing.Info{Address: "10.0.0.3:80", ID: "plain", Weight: 1}
	for _, c := range []struct {
		source Source
		want   []listing.Info // in the order of the keys
	}{
		{Source{}, []listing.Info{kratos, kitex, plain}},
		{Source{Format: "auto", Scheme: "grpc"}, []listing.Info{grpc, kitex, plain}},
		{Source{Format: "kitex"}, []listing.Info{kitex}},
		{Source{Format: "kratos"}, []listing.Info{kratos}},
	} {
		c.source.prefix = "web/"
		e := c.source.entries()
		for key, value := range values {
			e.put(&mvccpb.KeyValue{Key: []byte(key), Value: []byte(value)})
		}
		if got := e.answer(); !reflect.DeepEqual(got.Endpoints, c.want) || len(got.Endpoints)+len(got.Dropped) != 3 {
			t.Errorf("%s %s: got %+v, %v", c.source.Format, c.source.Scheme, got.Endpoints, got.Dropped)
		}
	}
}

func TestAValueWithAMistakeIsDroppedWithItsKeyAndReason(t *testing.T) {
	for value, want := range map[string]string{
		"":                              "is empty",
		"10.0.0.1":                      "address: ",
		"a:0":                           "address: ",
		"a:80\x00":                      "address: ",
		"\xff:80":                       "is not UTF-8",
		"a:1-2":                         "address: ",
		`{"addr`:                        "unexpected end of JSON input",
		`{}`:                            "address: ",
		`{"Addr":}`:                     "invalid character",
		`{"Addr":"10.0.0.1:80","Op":1}`: `Op: is "1"; expected 0`,
		`{"Addr":7}`:                    `field Addr: is "7"; expected text`,
		`{"Addr":""}`:                   "address: ",
		`{"Addr":"10.0.0.1:80","Metadata":{"weight":-1}}`:     "weight: -1 is not between 0 and 65535",
		`{"Addr":"10.0.0.1:80","Metadata":{"weight":"much"}}`: `Metadata: weight: "much" is not a whole number`,
		`{"Addr":"10.0.0.1:80","Metadata":{"zone":"\u0000"}}`: "zone: ",
		`{"address":"10.0.0.1:80","wieght":1}`:                "unknown field",
		`{"address":"10.0.0.1:80","weight":-1}`:               "weight: ",
		strings.Repeat("x", listing.MaxEntrySize+1):           "has 65537 bytes",
	} {
		got := answerOf(map[string]string{"web/bad": value, "web/good": "10.0.0.9:80"})
		if len(got.Endpoints) != 1 || got.Endpoints[0].ID != "good" {
			t.Errorf("%.40q: got %+v; want the other one", value, got.Endpoints)
		}
		if len(got.Dropped) != 1 || got.Dropped[0].Key != "web/bad" || !strings.Contains(got.Dropped[0].Err.Error(), want) {
			t.Errorf("%.40q: got %v; want %s of web/bad", value, got.Dropped, want)
		}
	}
}

func TestOfTwoKeysWithOneAddressTheFirstCounts(t *testing.T) {
	got := answerOf(map[string]string{"web/b": "10.0.0.1:80", "web/a": "10.0.0.1:80", "web/c": "10.0.0.2:80"})
	if len(got.Endpoints) != 2 || got.Endpoints[0].ID != "a" || got.Endpoints[1].ID != "c" {
		t.Errorf("got %+v", got.Endpoints)
	}
	if len(got.Dropped) != 1 || got.Dropped[0].Key != "web/b" {
		t.Errorf("dropped %+v", got.Dropped)
	}
}

func TestTheIDIsTheKeyUnlessThatChangesOnEachStart(t *testing.T) {
	for key, want := range map[string]string{
		"web/a":                "a",
		"web/eu/a":             "eu/a",
		"web/":                 "",
		"web/7587848943239":    "", // the lease
		"web/6e6af0a7687":      "", // the lease, as etcdctl shows it
		"web/75878489432390":   "75878489432390",
		"web/eu/7587848943239": "",
	} {
		e := entries{prefix: "web/"}
		if got := e.id(&mvccpb.KeyValue{Key: []byte(key), Lease: 7587848943239}); got != want {
			t.Errorf("%s: got %q; want %q", key, got, want)
		}
	}
}

func TestAPrefixThatEndsInAWordGetsASlash(t *testing.T) {
	for given, want := range map[string]string{
		"web": "web/", "services/web": "services/web/", "web2": "web2/", "é": "é/",
		"web/": "web/", "web-": "web-", "services:web:": "services:web:", "/": "/", "\xff": "\xff",
	} {
		if got := folderPrefix(given); got != want {
			t.Errorf("%q: got %q; want %q", given, got, want)
		}
	}
}

// FuzzDecode checks that every value is refused or becomes a valid endpoint.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		"10.0.0.1:80", `{"address":"10.0.0.1:80","weight":3,"metadata":{"a":"b"}}`,
		`{"Op":0,"Addr":"10.0.0.1:80","Metadata":{"weight":3,"zone":"a","x":[1]}}`,
		`{"Addr":"x","Metadata":"\ud800"}`, `{"Addr":null}`, `[1]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		info, err := new(format.Reader).Decode(value)
		if normal := info; err == nil && normal.Normalize() != nil {
			t.Errorf("%q became %+v, which is not valid", value, info)
		}
	})
}

// answerOf returns the list of keys with these values.
func answerOf(values map[string]string) discovery.Answer {
	e := entries{prefix: "web/"}
	for key, value := range values {
		e.put(&mvccpb.KeyValue{Key: []byte(key), Value: []byte(value)})
	}
	return e.answer()
}
