package kubernetes

import (
	"encoding/json"
	"testing"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
)

func FuzzSlicesBecomeEndpointsThatCanBeDialed(f *testing.F) {
	for _, seed := range []string{
		`{}`, `{"metadata":{"name":"a"}}`,
		`{"metadata":{"name":"a","annotations":{"caddy-balance/weight":"3"}},"addressType":"IPv4","ports":[{"name":"","port":8080,"protocol":"TCP"}],"endpoints":[{"addresses":["10.0.0.1"],"conditions":{"ready":true,"serving":true,"terminating":false},"zone":"a","nodeName":"n","targetRef":{"kind":"Pod","name":"web-0"},"hints":{"forZones":[{"name":"a"}]}}]}`,
		`{"addressType":"IPv4","ports":[{"port":-1}],"endpoints":[{"addresses":["10.0.0.1","10.0.0.1"]},{"addresses":[]},{"conditions":{"serving":true,"terminating":true,"ready":false},"addresses":["::1"]}]}`,
		`{"addressType":"IPv4","ports":[{"name":null,"port":null},{"port":70000}],"endpoints":null}`,
		`{"addressType":"IPv4","ports":[{"port":80}],"endpoints":[{"addresses":["10.0.0.1\u0000"],"zone":"\n"},{"addresses":["/run/x"]},{"addresses":["{env.X}"]}]}`,
	} {
		f.Add([]byte(seed), []byte(`{"metadata":{"name":"web"},"spec":{"ports":[{"port":80}]}}`))
		f.Add([]byte(seed), []byte(`{"metadata":{"annotations":{"caddy-balance/weight":"99999999999999999999"}},"spec":{"ports":[{"port":80,"protocol":"UDP"}],"ipFamilies":["IPv6"]}}`))
	}
	f.Fuzz(func(t *testing.T, sliceJSON, serviceJSON []byte) {
		var one discoveryv1.EndpointSlice
		var s corev1.Service
		if json.Unmarshal(sliceJSON, &one) != nil || json.Unmarshal(serviceJSON, &s) != nil {
			return
		}
		s.Name = "web"
		answer := answerTo(selection{}, &s, &one)
		if answer.Endpoints == nil && answer.Err == nil {
			t.Error("neither a list nor an error")
		}
		seen := make(map[string]bool)
		for _, e := range answer.Endpoints {
			again := e
			if err := again.Normalize(); err != nil || again.Address != e.Address || seen[e.Address] {
				t.Errorf("%+v: %v", e, err)
			}
			seen[e.Address] = true
		}
	})
}
