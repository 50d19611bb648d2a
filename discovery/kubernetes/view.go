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

// wanted is what the config says of the Service and its endpoints.
type wanted struct {
	namespace, service string
	port               string
	family             discoveryv1.AddressType // empty for the Service's first
	annotation         string                  // that holds the weight
}

// view is what is known of a Service and its EndpointSlices at a moment. Each change makes it say so.
type view struct {
	wanted
	report discovery.Report

	mu       sync.Mutex
	services *store[*corev1.Service] // one or none
	slices   *store[*discoveryv1.EndpointSlice]
}

func newView(w wanted, report discovery.Report) *view {
	v := &view{wanted: w, report: report}
	v.services = &store[*corev1.Service]{lock: &v.mu, changed: v.say}
	v.slices = &store[*discoveryv1.EndpointSlice]{lock: &v.mu, changed: v.say}
	return v
}

func (v *view) say() {
	if v.services.byName != nil && v.slices.byName != nil {
		v.report(v.answer())
	}
}

func (v *view) answer() discovery.Answer {
	service, exists := v.services.byName[v.service]
	if !exists {
		return v.gone()
	}
	port, err := choosePort(service, v.port)
	if err != nil {
		return discovery.Answer{Err: fmt.Errorf("service %s/%s: %w", v.namespace, v.service, err)}
	}
	g := gathering{service: service, port: port, family: v.family, annotation: v.annotation}
	return g.answer(v.slices.byName)
}

// gone is the answer without a Service. Its slices are deleted after it, and until then nobody keeps them right.
func (v *view) gone() discovery.Answer {
	answer := discovery.Answer{Endpoints: []listing.Info{}}
	if v.services.deleted {
		answer.Authoritative = true
		answer.Err = fmt.Errorf("service %s/%s was deleted", v.namespace, v.service)
	} else {
		// One that is merely missing from a list may be one that its cluster has lost. It is told as
		// an entry that was dropped: an error would keep the pool from ever believing the loss.
		answer.Dropped = []discovery.Dropped{{Key: "service " + v.namespace + "/" + v.service, Err: errors.New("was not found")}}
	}
	return answer
}
