package consul

import (
	"encoding/json"
	"io"
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/consul/api"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

// answerOf returns the answer that the source makes of the JSON of one service's instances.
func answerOf(t *testing.T, s *Source, text string) discovery.Answer {
	t.Helper()
	provision(t, s)
	var instances []*api.ServiceEntry
	if err := json.Unmarshal([]byte(text), &instances); err != nil {
		t.Fatal(err)
	}
	var g listBuilder
	for _, i := range instances {
		g.add(s, "web", i)
	}
	return g.Answer()
}

func TestAnInstanceBecomesAnEndpoint(t *testing.T) {
	type (
		entry = *api.ServiceEntry
		info  = *listing.Info
	)
	meta := map[string]string{"priority": "1", "max_requests": "20", "draining": "true", "version": "v2"}
	for name, c := range map[string]struct {
		given func(entry)
		want  func(info)
	}{
		"bare":                {func(entry) {}, func(info) {}},
		"address of its node": {func(e entry) { e.Service.Address = "" }, func(i info) { i.Address = "10.0.0.1:80" }},
		"IPv6":                {func(e entry) { e.Service.Address = "fd00::1" }, func(i info) { i.Address = "[fd00::1]:80" }},
		"IPv6 of its node":    {func(e entry) { e.Service.Address, e.Node.Address = "", "fd00::2" }, func(i info) { i.Address = "[fd00::2]:80" }},
		"host name":           {func(e entry) { e.Service.Address = "Web.Local" }, func(i info) { i.Address = "web.local:80" }},
		"several ports": {func(e entry) { e.Service.Ports = api.ServicePorts{{Port: 81}, {Port: 82, Default: true}} },
			func(i info) { i.Address = "10.0.0.7:82" }},
		"weight":             {func(e entry) { e.Service.Weights.Passing = 5 }, func(i info) { i.Weight = 5 }},
		"weight of nothing":  {func(e entry) { e.Service.Weights.Passing = 0 }, func(i info) { i.Weight = 0 }},
		"no weights":         {func(e entry) { e.Service.Weights = api.AgentWeights{} }, func(info) {}},
		"zone of a node":     {func(e entry) { e.Node.Meta = map[string]string{"zone": "a"} }, func(i info) { i.Zone = "a" }},
		"locality of a node": {func(e entry) { e.Node.Locality = &api.Locality{Zone: "b"} }, func(i info) { i.Zone = "b" }},
		"zone of a service": {func(e entry) {
			e.Node.Meta, e.Service.Locality = map[string]string{"zone": "a"}, &api.Locality{Zone: "c"}
		},
			func(i info) { i.Zone = "c" }},
		"meta": {func(e entry) { e.Service.Meta = meta },
			func(i info) { i.Priority, i.MaxRequests, i.Draining, i.Metadata = 1, 20, true, meta }},
	} {
		t.Run(name, func(t *testing.T) {
			got := answerOf(t, &Source{Services: []string{"web"}}, list(instance("a", "10.0.0.7", 80, c.given)))
			want := listing.Info{Address: "10.0.0.7:80", Weight: 1, ID: "n1/a"}
			c.want(&want)
			if len(got.Endpoints) != 1 || !reflect.DeepEqual(got.Endpoints[0], want) {
				t.Errorf("got %+v %v; want %+v", got.Endpoints, got.Dropped, want)
			}
		})
	}
}

func TestOnlyHealthyInstancesAreListed(t *testing.T) {
	checks := func(status ...string) func(*api.ServiceEntry) {
		return func(e *api.ServiceEntry) {
			e.Checks = nil
			e.Service.Weights = api.AgentWeights{Passing: 5, Warning: 2}
			for _, s := range status {
				e.Checks = append(e.Checks, &api.HealthCheck{Status: s})
			}
		}
	}
	maintenance := func(e *api.ServiceEntry) {
		e.Checks = append(e.Checks, &api.HealthCheck{CheckID: api.NodeMaint, Status: "critical"})
	}
	for name, c := range map[string]struct {
		change             func(*api.ServiceEntry)
		strict, passesWarn int // weights, -1 if left out
	}{
		"no checks":    {checks(), 5, 5},
		"passing":      {checks("passing", "passing"), 5, 5},
		"warning":      {checks("passing", "warning"), -1, 2},
		"critical":     {checks("passing", "critical", "warning"), -1, -1},
		"maintenance":  {maintenance, -1, -1},
		"other status": {checks("passing", "odd"), -1, -1},
	} {
		t.Run(name, func(t *testing.T) {
			for passWarning, want := range map[bool]int{false: c.strict, true: c.passesWarn} {
				got := -1
				s := &Source{Services: []string{"web"}, PassWarning: passWarning}
				for _, info := range answerOf(t, s, list(instance("a", "10.0.0.7", 80, c.change))).Endpoints {
					got = info.Weight
				}
				if got != want {
					t.Errorf("pass_warning %v: got %d; want %d", passWarning, got, want)
				}
			}
		})
	}
}

func TestAnInstanceWithAMistakeIsDroppedAlone(t *testing.T) {
	meta := func(key, value string) func(*api.ServiceEntry) {
		return func(e *api.ServiceEntry) { e.Service.Meta = map[string]string{key: value} }
	}
	for name, c := range map[string]struct{ text, key, want string }{
		"no port":         {instance("b", "10.0.0.8", 0), "n1/b", "port: 0 is not between 1 and 65535"},
		"large port":      {instance("b", "10.0.0.8", 65536), "n1/b", "port: 65536 is not"},
		"no address":      {instance("b", "", 80, func(e *api.ServiceEntry) { e.Node.Address = "" }), "n1/b", "address: "},
		"not an address":  {instance("b", "10.0.0.8/x", 80), "n1/b", `address: "10.0.0.8/x" is not a host`},
		"network":         {instance("b", "unix//run/app.sock", 80), "n1/b", `address: "unix//run/app.sock" is not a host`},
		"same address":    {instance("b", "10.0.0.7", 80), "n1/b", "address: 10.0.0.7:80 is already that of n1/a"},
		"same ID":         {instance("a", "10.0.0.8", 80), "n1/a", "id: is given twice"},
		"negative weight": {instance("b", "10.0.0.8", 80, func(e *api.ServiceEntry) { e.Service.Weights.Passing = -1 }), "n1/b", "weight: -1"},
		"priority":        {instance("b", "10.0.0.8", 80, meta("priority", "high")), "n1/b", `meta priority: "high" is not a whole number`},
		"max_requests":    {instance("b", "10.0.0.8", 80, meta("max_requests", "-1")), "n1/b", "max_requests: -1"},
		"draining":        {instance("b", "10.0.0.8", 80, meta("draining", "soon")), "n1/b", `meta draining: "soon" is not true or false`},
		"long meta":       {instance("b", "10.0.0.8", 80, meta("x", strings.Repeat("x", 10<<20))), "n1/b", "zone and meta: have 10485761 bytes"},
		"long ID":         {instance(strings.Repeat("x", 10<<20), "10.0.0.8", 80), "n1/" + strings.Repeat("x", longestID-3), "id: has 10485763 bytes"},
		"control":         {instance("b\n", "10.0.0.8", 80), "n1/b\n", "id: "},
		"null":            {"null", "web", "lacks its node or its service"},
		"no service":      {`{"Node": {}}`, "web", "lacks its node or its service"},
	} {
		t.Run(name, func(t *testing.T) {
			got := answerOf(t, &Source{Services: []string{"web"}}, list(instance("a", "10.0.0.7", 80), c.text, instance("z", "10.0.0.9", 80)))
			if sourcetest.Addresses(got.Endpoints) != "10.0.0.7:80 10.0.0.9:80" {
				t.Errorf("got %s", sourcetest.Addresses(got.Endpoints))
			}
			if len(got.Dropped) != 1 || got.Dropped[0].Key != c.key ||
				!strings.Contains(got.Dropped[0].Err.Error(), c.want) {
				t.Errorf("dropped %.300q; want %s: %s", got.Dropped, c.key, c.want)
			}
		})
	}
}

func TestANullCheckIsIgnored(t *testing.T) {
	got := answerOf(t, &Source{Services: []string{"web"}}, `[{"Node": {"Node": "n1"}, "Service": {"ID": "a", "Address": "a", "Port": 1}, "Checks": [null]}]`)
	if sourcetest.Addresses(got.Endpoints) != "a:1" {
		t.Errorf("got %s, dropped %v", sourcetest.Addresses(got.Endpoints), got.Dropped)
	}
}

// FuzzAnswers checks that every answer becomes an error or a valid list, and that each instance is
// listed, left out or dropped once.
func FuzzAnswers(f *testing.F) {
	f.Add(list(instance("a", "10.0.0.7", 80), instance("b", "", 0)))
	f.Add(`[null, {"Node": {}, "Service": {"Port": 1, "Weights": {"Warning": -1}}, "Checks": [null, {"Definition": {"Interval": "x"}}]}]`)
	f.Add(`[{"Node": {"Locality": {}}, "Service": {"Address": "a/b", "Meta": {"priority": "1e9", "draining": "1"}}}]`)
	f.Add(`[{"Checks": [{"Definition": null}]}]`)
	f.Fuzz(func(t *testing.T, text string) {
		client, err := api.NewClient(&api.Config{HttpClient: &http.Client{Transport: fixedAnswer(text)}})
		if err != nil {
			t.Fatal(err)
		}
		s := &Source{PassWarning: true, ZoneMeta: "zone"}
		a, _, err := s.ask(t.Context(), client, "web", 0)
		if err != nil {
			return
		}
		var g listBuilder
		for _, i := range a.instances {
			g.add(s, "web", i)
		}
		answer := g.Answer()
		if len(answer.Endpoints)+len(answer.Dropped) > len(a.instances) {
			t.Errorf("%d endpoints and %d dropped of %d", len(answer.Endpoints), len(answer.Dropped), len(a.instances))
		}
		for _, info := range answer.Endpoints {
			normal := info
			if err := normal.Normalize(); err != nil || !reflect.DeepEqual(normal, info) {
				t.Errorf("%+v is not normal: %v", info, err)
			}
		}
	})
}

// fixedAnswer is a transport that gives the same answer to every query.
type fixedAnswer string

// RoundTrip implements http.RoundTripper.
func (a fixedAnswer) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK,
		Header:     http.Header{"X-Consul-Index": {"1"}},
		Body:       io.NopCloser(strings.NewReader(string(a))),
	}, nil
}
