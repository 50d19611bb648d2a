package consul

import (
	"reflect"
	"testing"

	"github.com/hashicorp/consul/api"

	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// kratos makes an instance as Kratos registers it, whose own address is that of its first URL.
func kratos(id string, meta map[string]string, urls map[string]api.ServiceAddress) string {
	return instance(id, "10.0.0.7", 9000, func(e *api.ServiceEntry) {
		e.Service.Tags, e.Service.Meta = []string{"version=v1.2.0"}, meta
		e.Service.TaggedAddresses = map[string]api.ServiceAddress{"lan_ipv4": {Address: "10.0.0.7", Port: 9000}}
		for scheme, address := range urls {
			e.Service.TaggedAddresses[scheme] = address
		}
	})
}

func TestInstancesOfFrameworksAreEndpoints(t *testing.T) {
	type meta = map[string]string
	two := map[string]api.ServiceAddress{
		"grpc": {Address: "grpc://10.0.0.7:9000?isSecure=false", Port: 9000},
		"http": {Address: "http://10.0.0.7:8000?isSecure=false", Port: 8000},
	}
	const uuid = "0b7e1c1e-6a1e-11ef-9d6d-0242ac120002"
	kitex := instance("web:10.0.0.7:8888", "10.0.0.7", 8888, func(e *api.ServiceEntry) {
		e.Service.Tags = []string{"env:prod", "zone:eu-1a", "plain", ":x", "url:http://a:1"}
		e.Service.Weights = api.AgentWeights{Passing: 20, Warning: 20}
	})
	for name, c := range map[string]struct {
		source Source
		text   string
		want   listing.Info
	}{
		"Kratos": {Source{}, kratos("web-1", meta{"weight": "30", "zone": "eu-1a", "priority": "1"}, two), listing.Info{
			Address: "10.0.0.7:8000", ID: "n1/web-1", Weight: 30, Zone: "eu-1a", Priority: 1, Metadata: meta{"version": "v1.2.0", "priority": "1"}}},
		"Kratos by gRPC": {Source{Format: "kratos", Scheme: "grpc"}, kratos(uuid, nil, two), listing.Info{
			Address: "10.0.0.7:9000", ID: "10.0.0.7:9000", Weight: 100, Metadata: meta{"version": "v1.2.0"}}},
		"Kratos without URLs": {Source{Format: "kratos"}, kratos("web-1", nil, nil), listing.Info{
			Address: "10.0.0.7:9000", ID: "n1/web-1", Weight: 100, Metadata: meta{"version": "v1.2.0"}}},
		"Kratos by the format of Kitex": {Source{Format: "kitex"}, kratos("web-1", nil, two), listing.Info{
			Address: "10.0.0.7:9000", ID: "n1/web-1", Weight: 1}},
		"tagged addresses of Consul": {Source{}, kratos("web-1", nil, nil), listing.Info{Address: "10.0.0.7:9000", ID: "n1/web-1", Weight: 1}},
		"Kitex": {Source{Format: "kitex"}, kitex, listing.Info{
			Address: "10.0.0.7:8888", ID: "n1/web:10.0.0.7:8888", Weight: 20, Zone: "eu-1a", Metadata: meta{"env": "prod", "url": "http://a:1"}}},
		"Kitex, recognized": {Source{}, kitex, listing.Info{Address: "10.0.0.7:8888", ID: "n1/web:10.0.0.7:8888", Weight: 20}},
	} {
		t.Run(name, func(t *testing.T) {
			c.source.Services = []string{"web"}
			got := answerOf(t, &c.source, list(c.text))
			if len(got.Endpoints) != 1 || !reflect.DeepEqual(got.Endpoints[0], c.want) {
				t.Errorf("got %+v %v; want %+v", got.Endpoints, got.Dropped, c.want)
			}
		})
	}
}

func TestAKratosInstanceWithoutTheSchemeIsDroppedAlone(t *testing.T) {
	http := map[string]api.ServiceAddress{"http": {Address: "http://10.0.0.8:8000"}}
	grpc := map[string]api.ServiceAddress{"grpc": {Address: "grpc://10.0.0.9:9000"}}
	got := answerOf(t, &Source{Services: []string{"web"}, Scheme: "grpc"}, list(kratos("a", nil, http), kratos("b", nil, grpc)))
	if len(got.Endpoints) != 1 || got.Endpoints[0].Address != "10.0.0.9:9000" || len(got.Dropped) != 1 ||
		got.Dropped[0].Key != "n1/a" || got.Dropped[0].Err.Error() != `field endpoints: schemes are "http"; expected grpc` {
		t.Errorf("got %+v, %v", got.Endpoints, got.Dropped)
	}
}

func TestAWeightOfZeroInConsulDrainsAKratosInstance(t *testing.T) {
	text := instance("a", "10.0.0.7", 80, func(e *api.ServiceEntry) {
		e.Service.Weights = api.AgentWeights{Passing: 0, Warning: 1}
		e.Service.TaggedAddresses = map[string]api.ServiceAddress{"http": {Address: "http://10.0.0.7:80"}}
	})
	if got := answerOf(t, &Source{Services: []string{"web"}}, list(text)).Endpoints; len(got) != 1 || got[0].Weight != 0 {
		t.Errorf("got %+v", got)
	}
}
