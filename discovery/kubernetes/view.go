package kubernetes

import (
	"errors"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
)

// selection has the settings that choose a Service and its endpoints.
type selection struct {
	namespace, service string
	port               string
	family             discoveryv1.AddressType // if empty, the Service's first
	annotation         string                  // the annotation with the weight
}

// view holds a Service and its EndpointSlices as they are now. It reports an answer after each
// change of them, once both have been listed.
type view struct {
	selection
	report discovery.Report

	mu       sync.Mutex
	services *store[*corev1.Service] // at most one
	slices   *store[*discoveryv1.EndpointSlice]
}

// newView makes a view whose stores are empty.
func newView(chosen selection, report discovery.Report) *view {
	v := &view{selection: chosen, report: report}
	v.services = &store[*corev1.Service]{lock: &v.mu, changed: v.changed}
	v.slices = &store[*discoveryv1.EndpointSlice]{lock: &v.mu, changed: v.changed}
	return v
}

// changed reports an answer. The lock is held.
func (v *view) changed() {
	if v.services.byName != nil && v.slices.byName != nil {
		v.report(v.answer())
	}
}

// answer makes an answer of the stores. The lock is held.
func (v *view) answer() discovery.Answer {
	service, exists := v.services.byName[v.service]
	if !exists {
		return v.answerWithoutService()
	}
	port, err := choosePort(service, v.port)
	if err != nil {
		return discovery.Answer{Err: fmt.Errorf("service %s/%s: %w", v.namespace, v.service, err)}
	}
	b := builder{service: service, port: port, family: v.family, annotation: v.annotation}
	return b.answer(v.slices.byName)
}

// answerWithoutService makes an empty answer. Slices that are left are ignored, because the cluster
// deletes them after the Service and no longer updates them.
func (v *view) answerWithoutService() discovery.Answer {
	answer := discovery.Answer{Endpoints: []listing.Info{}}
	if v.services.deleted {
		answer.Authoritative = true
		answer.Err = fmt.Errorf("service %s/%s was deleted", v.namespace, v.service)
	} else {
		// The cluster may have lost a Service that is missing from a list. The answer reports it as
		// a dropped entry, because the pool would never accept the loss beside an error.
		key := "service " + v.namespace + "/" + v.service
		answer.Dropped = []discovery.Dropped{{Key: key, Err: errors.New("was not found")}}
	}
	return answer
}
