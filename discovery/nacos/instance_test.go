package nacos

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	wire "github.com/nacos-group/nacos-sdk-go/v2/api/grpc"
	"github.com/nacos-group/nacos-sdk-go/v2/model"
	"google.golang.org/protobuf/types/known/anypb"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/sourcetest"
)

func TestAnInstanceBecomesAnEndpoint(t *testing.T) {
	meta := map[string]string{"id": "web-1", "zone": "a", "priority": "1", "max_requests": "20", "version": "v2"}
	for name, c := range map[string]struct {
		instance model.Instance
		want     listing.Info
	}{
		"bare":     {host("10.0.0.1", 80), listing.Info{Address: "10.0.0.1:80", Weight: 1}},
		"IPv6":     {host("fd00::1", 80), listing.Info{Address: "[fd00::1]:80", Weight: 1}},
		"drained":  {host("a", 80, func(i *model.Instance) { i.Weight = 0 }), listing.Info{Address: "a:80"}},
		"disabled": {host("a", 80, func(i *model.Instance) { i.Enable = false }), listing.Info{Address: "a:80", Weight: 1, Draining: true}},
		"cluster":  {host("a", 80, func(i *model.Instance) { i.ClusterName = "hz" }), listing.Info{Address: "a:80", Weight: 1, Zone: "hz"}},
		"metadata": {host("a", 80, func(i *model.Instance) { i.ClusterName, i.Metadata = "hz", meta }),
			listing.Info{Address: "a:80", Weight: 1, ID: "web-1", Zone: "a", Priority: 1, MaxRequests: 20, Metadata: meta}},
		"draining": {host("a", 80, func(i *model.Instance) { i.Metadata = map[string]string{"draining": "true"} }),
			listing.Info{Address: "a:80", Weight: 1, Draining: true, Metadata: map[string]string{"draining": "true"}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := gather([]model.Instance{c.instance})
			if len(got.Endpoints) != 1 || !reflect.DeepEqual(got.Endpoints[0], c.want) {
				t.Errorf("got %+v %v; want %+v", got.Endpoints, got.Dropped, c.want)
			}
		})
	}
}

func TestAnInstanceThatIsNotHealthyIsLeftOut(t *testing.T) {
	got := gather([]model.Instance{host("a", 80), host("b", 80, func(i *model.Instance) { i.Healthy = false })})
	if sourcetest.Addresses(got.Endpoints) != "a:80" || len(got.Dropped) != 0 {
		t.Errorf("got %s, dropped %v", sourcetest.Addresses(got.Endpoints), got.Dropped)
	}
}

func TestWeightsBecomeWholeInOneScale(t *testing.T) {
	for name, c := range map[string]struct {
		weights []float64
		want    []int
	}{
		"whole ones stay":                  {[]float64{1, 2, 10000}, []int{1, 2, 10000}},
		"one place":                        {[]float64{0.5, 1, 2.5}, []int{5, 10, 25}},
		"two places":                       {[]float64{0.25, 1}, []int{25, 100}},
		"as in binary":                     {[]float64{0.1, 0.3, 0.7}, []int{1, 3, 7}},
		"more places are rounded":          {[]float64{0.333, 1}, []int{33, 100}},
		"but never to nothing":             {[]float64{0.0001, 1}, []int{1, 100}},
		"nothing stays nothing":            {[]float64{0, 0.5}, []int{0, 5}},
		"large ones cost the small places": {[]float64{1.25, 5000}, []int{13, 50000}},
		"the largest has none":             {[]float64{1.25, 60000}, []int{1, 60000}},
	} {
		t.Run(name, func(t *testing.T) {
			var instances []model.Instance
			for i, w := range c.weights {
				instances = append(instances, host("a", uint64(i+1), func(i *model.Instance) { i.Weight = w }))
			}
			var got []int
			for _, info := range gather(instances).Endpoints {
				got = append(got, info.Weight)
			}
			if !reflect.DeepEqual(got, c.want) {
				t.Errorf("got %v; want %v", got, c.want)
			}
		})
	}
}

func TestAnInstanceWithAMistakeIsDroppedAlone(t *testing.T) {
	meta := func(key, value string) func(*model.Instance) {
		return func(i *model.Instance) { i.Metadata = map[string]string{key: value} }
	}
	for name, c := range map[string]struct {
		instance  model.Instance
		key, want string
	}{
		"no port":         {host("b", 0), "b:0", "port: 0 is not between 1 and 65535"},
		"large port":      {host("b", 65536), "b:65536", "port: 65536"},
		"no address":      {host("", 80), ":80", `ip: "" is not a host`},
		"not an address":  {host("b/x", 80), "b/x:80", `ip: "b/x" is not a host`},
		"same address":    {host("a", 80), "a:80", "address: a:80 is already that of a:80"},
		"negative weight": {host("b", 80, func(i *model.Instance) { i.Weight = -1 }), "b:80", "weight: -1 is not between"},
		"large weight":    {host("b", 80, func(i *model.Instance) { i.Weight = 1e300 }), "b:80", "weight: 1e+300 is not between"},
		"priority":        {host("b", 80, meta("priority", "high")), "b:80", `metadata priority: "high" is not a whole number`},
		"draining":        {host("b", 80, meta("draining", "soon")), "b:80", `metadata draining: "soon" is not true or false`},
		"max_requests":    {host("b", 80, meta("max_requests", "-1")), "b:80", "max_requests: -1"},
		"long metadata":   {host("b", 80, meta("x", strings.Repeat("x", 10<<20))), "b:80", "has 10485765 bytes"},
		"long address":    {host(strings.Repeat("x", 10<<20), 80), strings.Repeat("x", 255) + ":80", "has 10485763 bytes"},
		"control":         {host("b", 80, meta("id", "x\n")), "b:80", "id: "},
	} {
		t.Run(name, func(t *testing.T) {
			got := gather([]model.Instance{host("a", 80), c.instance, host("z", 80)})
			if sourcetest.Addresses(got.Endpoints) != "a:80 z:80" {
				t.Errorf("got %s", sourcetest.Addresses(got.Endpoints))
			}
			if len(got.Dropped) != 1 || got.Dropped[0].Key != c.key ||
				!strings.Contains(got.Dropped[0].Err.Error(), c.want) {
				t.Errorf("dropped %.300q; want %s: %s", got.Dropped, c.key, c.want)
			}
		})
	}
}

// FuzzHandle checks that every message becomes an error or a valid list and answer.
func FuzzHandle(f *testing.F) {
	f.Add("NotifySubscriberRequest", `{"requestId": "1", "serviceInfo": {"lastRefTime": 7, "hosts": [{"ip": "10.0.0.1", "port": 80, "weight": 0.5, "healthy": true, "enabled": true}]}}`)
	f.Add("NotifySubscriberRequest", `{"serviceInfo": {"hosts": [{"healthy": true, "weight": 1e308, "port": 1, "ip": "a"}, null]}}`)
	f.Add("ClientDetectionRequest", `{"requestId": null}`)
	f.Add("ConnectResetRequest", ``)
	f.Fuzz(func(t *testing.T, kind, body string) {
		s := &subscription{report: func(a discovery.Answer) {
			for _, info := range a.Endpoints {
				normal := info
				if err := normal.Normalize(); err != nil || !reflect.DeepEqual(normal, info) {
					t.Errorf("%+v is not normal: %v", info, err)
				}
			}
		}}
		message := &wire.Payload{Metadata: &wire.Metadata{Type: kind}, Body: &anypb.Any{Value: []byte(body)}}
		answer, err := s.handle(message)
		if answer != nil && (err != nil || !json.Valid(answer.Body.Value)) {
			t.Errorf("answered %s, %v", answer.Body.Value, err)
		}
	})
}
