package registry

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestARegistrationHasTheFieldsOfAnEndpointAndATTL(t *testing.T) {
	got, err := DecodeRegistration([]byte(`{"address": "A.Example:80", "weight": 0, "id": "one", "zone": "z", "priority": 1,
		"max_requests": 2, "draining": true, "metadata": {"version": 1.10}, "ttl": "1m30s"}`))
	want := Registration{TTL: TTL(90 * time.Second), Info: listing.Info{
		Address: "a.example:80", ID: "one", Zone: "z", Priority: 1, MaxRequests: 2, Draining: true, Metadata: map[string]string{"version": "1.10"},
	}}
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if plain, err := DecodeRegistration([]byte(`{"address": "a:1"}`)); err != nil || plain.Weight != 1 || plain.TTL != 0 {
		t.Errorf("got %+v, %v", plain, err)
	}
}

func TestAMistakeInARegistrationIsNamed(t *testing.T) {
	for body, want := range map[string]string{
		``:                                      "is empty",
		` `:                                     "unexpected end of JSON input",
		`{"address": "a:1"`:                     "unexpected end of JSON input",
		`["a:1"]`:                               "is a list; expected an object",
		`"a:1"`:                                 "is text; expected an object",
		`{}`:                                    "address: is missing",
		`{"address": ":8080"}`:                  `address: ":8080" has no host`,
		`{"address": "a:1", "wieght": 1}`:       `unknown field "wieght"; the fields are address, weight, id, zone, priority, max_requests, draining, ttl and metadata`,
		`{"address": "a:1", "weight": 70000}`:   "weight: 70000 is not between 0 and 65535",
		`{"address": "a:1", "ttl": 30}`:         "ttl: 30 is a number; expected text",
		`{"address": "a:1", "ttl": "30"}`:       `ttl: "30" is not a duration such as 30s`,
		`{"address": "a:1", "ttl": "-1s"}`:      `ttl: "-1s" is not a duration`,
		`{"address": "a:1", "ttl": "soon"}`:     `ttl: "soon" is not a duration`,
		`{"address": "a:1", "ttl": "1s", "ttl"`: "unexpected end of JSON input",
		`{"ttl": "1s", "ttl": "2s"}`:            "ttl: is there twice",
		"{\"address\": \"a:1\", \"id\": \"\xff\"}":                           "is not UTF-8",
		`{"address": "` + strings.Repeat("a", listing.MaxEntrySize) + `:1"}`: "an endpoint may have 65536",
	} {
		if _, err := DecodeRegistration([]byte(body)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.50s: got %v, want %s", body, err, want)
		}
	}
}

func TestTheIDIsThatOfThePath(t *testing.T) {
	for given, want := range map[string]string{"": "one", "one": "one", "two": ""} {
		r := Registration{Info: listing.Info{Address: "a:1", ID: given}}
		if err := r.Identify("one"); (err == nil) != (want != "") || err == nil && r.ID != want {
			t.Errorf("%q became %q, %v", given, r.ID, err)
		}
	}
	for _, id := range []string{"", "a\nb", strings.Repeat("a", maxIDLength+1)} {
		r := Registration{Info: listing.Info{Address: "a:1"}}
		if r.Identify(id) == nil {
			t.Errorf("%.20q is an id", id)
		}
	}
}

func TestATTLIsWithinTheLimitsOfItsSource(t *testing.T) {
	s := Source{MaxTTL: 20 * second}
	if err := s.check(); err != nil {
		t.Fatal(err)
	}
	for asked, want := range map[time.Duration]time.Duration{
		0:                      20 * time.Second,
		time.Second:            time.Second,
		20 * time.Second:       20 * time.Second,
		999 * time.Millisecond: 0,
		21 * time.Second:       0,
	} {
		if got, err := s.grantTTL(asked); got != want || (err == nil) != (want != 0) {
			t.Errorf("%s became %s, %v", asked, got, err)
		}
	}
}

// A registration that is accepted must be readable from the storage, or a restart would lose it.
func FuzzDecodeRegistration(f *testing.F) {
	for _, seed := range []string{`{"address": "a:1", "ttl": "30s"}`, `{"address":"unix//run/a.sock","id":"ü","metadata":{"a":"<"}}`, `{"address":"[::1]:80","weight":0,"draining":true}`, `"a:1"`, `[`, "\xff"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r, err := DecodeRegistration(body)
		if err == nil {
			err = r.Identify("one")
		}
		if err != nil || r.TTL == 0 {
			return
		}
		text, err := json.Marshal(r)
		if err != nil {
			t.Fatal(err)
		}
		if again, err := DecodeRegistration(text); err != nil || !reflect.DeepEqual(r, again) {
			t.Errorf("%s became %s: %+v, %v", bytes.TrimSpace(body), text, again, err)
		}
	})
}

func TestManyServicesRegisterRenewAndLeaveAtOnce(t *testing.T) {
	r := start(t, sourcetest.NewStorage(), Source{})
	var wg sync.WaitGroup
	for client := range 10 {
		wg.Go(func() {
			for i := range 1000 {
				id := fmt.Sprint(client, "-", i)
				body := fmt.Sprintf(`{"address": "10.0.%d.%d:%d", "ttl": "1h"}`, client, i%250, 1+i/250)
				_, first := r.register(id, body)
				_, second := r.register(id, body)
				if err := errors.Join(first, second); err != nil {
					t.Error(err)
				}
				if i%2 == 1 {
					r.leases.Leave(id)
				}
			}
		})
	}
	wg.Wait()
	if n := len(r.leases.List()); n != 5000 {
		t.Errorf("%d are registered", n)
	}
	deadline := time.Now().Add(sourcetest.Patience)
	for ; len(r.Newest().Endpoints) != 5000; time.Sleep(minReportInterval) {
		if time.Now().After(deadline) {
			t.Fatalf("the list has %d", len(r.Newest().Endpoints))
		}
	}
}

func BenchmarkHeartbeat(b *testing.B) {
	l, body := leasesOf10000()
	for b.Loop() {
		r, _ := DecodeRegistration(body)
		r.Identify("7")
		l.Register(r, time.Now())
	}
}

func BenchmarkExpire10000Leases(b *testing.B) {
	l, _ := leasesOf10000()
	for b.Loop() {
		l.expire(time.Now())
	}
}

func leasesOf10000() (l *Leases, seventh []byte) {
	l = newLeases("web")
	s := &Source{checkAddress: func(string) error { return nil }}
	s.check()
	l.sources = append(l.sources, s)
	for i := range 10_000 {
		body := fmt.Appendf(nil, `{"address": "10.0.0.1:%d", "ttl": "1h"}`, i+1)
		r, _ := DecodeRegistration(body)
		r.Identify(fmt.Sprint(i))
		l.Register(r, time.Now())
		if i == 7 {
			seventh = body
		}
	}
	return l, seventh
}
