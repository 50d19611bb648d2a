package kubernetes

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"

	"github.com/caddy-balance/caddy-balance/discovery"
	"github.com/caddy-balance/caddy-balance/internal/listing"
	"github.com/caddy-balance/caddy-balance/internal/signal"
)

// selection has the settings that choose a Service and its endpoints.
type selection struct {
	namespace, service string
	port               string
	family             discoveryv1.AddressType // if empty, the Service's first
	annotation         string                  // the annotation with the weight
}

// minReportInterval is the minimum time between two answers, so that a server cannot have one made
// of all slices for each of thousands of events in a second. A pool publishes no more often.
const minReportInterval = 100 * time.Millisecond

// view holds a Service and its EndpointSlices as they are now.
type view struct {
	selection
	dirty signal.Signal // set by each change

	mu       sync.Mutex
	services *store[*corev1.Service] // at most one
	slices   *store[*discoveryv1.EndpointSlice]
}

// newView makes a view whose stores are empty. limit is the maximum number of endpoints.
func newView(chosen selection, limit int) *view {
	v := &view{selection: chosen, dirty: signal.New()}
	v.services = &store[*corev1.Service]{lock: &v.mu, changed: v.dirty.Set, trim: v.trimService, room: roomFor(limit)}
	v.slices = &store[*discoveryv1.EndpointSlice]{
		lock: &v.mu, changed: v.dirty.Set, trim: v.trimSlice, room: roomFor(limit),
	}
	return v
}

// reportChanges reports an answer after each change, once both kinds have been listed. When ctx
// ends, it reports the last one.
func (v *view) reportChanges(ctx context.Context, report discovery.Report) {
	for open := true; open; {
		select {
		case <-v.dirty.C():
			v.reportTo(report)
			open = discovery.Sleep(ctx, minReportInterval)
		case <-ctx.Done():
			open = false
		}
	}
	select {
	case <-v.dirty.C():
		v.reportTo(report)
	default:
	}
}

// reportTo reports an answer, if there is one.
func (v *view) reportTo(report discovery.Report) {
	v.mu.Lock()
	listed := v.services.byName != nil && v.slices.byName != nil
	var answer discovery.Answer
	if listed {
		answer = v.answer()
	}
	v.mu.Unlock()
	if listed {
		report(answer)
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
